/** An error: what happened, and what to do. */
import { Alert, AlertActionLink } from "@patternfly/react-core/dist/esm/components/Alert";
import { ApiError } from "../api/client.ts";
import { Sentence } from "./command-hint.tsx";

/** What of an error is shown. */
function textsOf(error: unknown): { title: string; action: string; details: string | null } {
  if (error instanceof ApiError) {
    const details = [error.code, ...(error.requestId === null ? [] : [`request ${error.requestId}`])];
    return { title: error.message, action: error.action, details: details.join(" · ") };
  }
  return {
    title: error instanceof Error ? error.message : String(error),
    action: "Load the page again. If it happens again, it is a fault of this page.",
    details: null,
  };
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { title, action, details } = textsOf(error);
  return (
    <Alert
      isInline
      variant="danger"
      title={<span className="fl-wrap">{title}</span>}
      component="h2"
      {...(retry === undefined
        ? {}
        : { actionLinks: <AlertActionLink onClick={retry}>Try again</AlertActionLink> })}
    >
      <Sentence>{action}</Sentence>
      {details === null ? null : <div className="fl-subtle fl-mono">{details}</div>}
    </Alert>
  );
}
