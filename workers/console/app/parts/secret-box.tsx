/** A secret that is shown once, with a button to copy it. */
import { CopyButton } from "./copy-button.tsx";
import "./secret-box.css";

interface SecretBoxProps {
  readonly text: string;
  /** What the secret is, for screen readers: "the token". */
  readonly what: string;
  /** The id that tests find the text by. */
  readonly testId: string;
}

export function SecretBox({ text, what, testId }: SecretBoxProps) {
  return (
    <div className="fl-secret">
      <pre data-testid={testId}>{text}</pre>
      <CopyButton text={text} what={what} />
    </div>
  );
}
