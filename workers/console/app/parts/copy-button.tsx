/** Copies a text. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import CheckIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-check-icon";
import CopyIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-copy-icon";
import { useEffect, useState } from "react";

/** How long the button says that it copied, ms. */
const COPIED_MS = 2000;

/** Copies `text`. `what` names it for screen readers: "Copy the command". */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <Button
      variant="plain"
      size="sm"
      hasNoPadding
      aria-label={copied ? "Copied" : `Copy ${what}`}
      title={copied ? "Copied" : `Copy ${what}`}
      icon={copied ? <CheckIcon /> : <CopyIcon />}
      onClick={() => void copy(text).then(setCopied)}
    />
  );
}

/** Pages of plain http beyond localhost have no clipboard: a selected field is copied instead. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "pf-v6-screen-reader fl-clip";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
