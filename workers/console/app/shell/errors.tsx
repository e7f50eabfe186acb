/** Pages for what went wrong. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Link } from "@tanstack/react-router";
import { Failure } from "../parts/failure.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { Outside } from "./outside.tsx";

/** An address that leads to no page. */
export function NoPage() {
  return (
    <Outside>
      <PageHeader title="No page is here">
        The address may be mistyped, or be that of another version of the console.
      </PageHeader>
      <Link to="/">Go to the overview</Link>
    </Outside>
  );
}

/** A page that failed. */
export function FailedPage({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <Outside>
      <PageHeader title="This page failed" />
      <Failure error={error} />
      <Button variant="primary" onClick={reset}>
        Try again
      </Button>
      <Button variant="link" isInline onClick={() => location.reload()}>
        Load the page anew
      </Button>
    </Outside>
  );
}
