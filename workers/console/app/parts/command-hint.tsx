/** The command that does what the page does. */
import { CopyButton } from "./copy-button.tsx";
import "./command-hint.css";

/** A command, with a button to copy it. `at` names the site where it runs, if it needs one. */
export function CommandHint({ command, at }: { command: string; at?: string | undefined }) {
  return (
    <span className="fl-command-line">
      <span className="fl-command">
        <code dir="ltr">{command}</code>
        <CopyButton text={command} what="the command" />
      </span>
      {at === undefined ? null : (
        <span className="fl-subtle">
          at site <bdi>{at}</bdi>
        </span>
      )}
    </span>
  );
}

/** A sentence in which commands stand in backticks. */
export function Sentence({ children }: { children: string }) {
  return children
    .split("`")
    .map((part, index) => ({ place: `${index}`, part, isCommand: index % 2 === 1 }))
    .map(({ place, part, isCommand }) => (isCommand ? <code key={place}>{part}</code> : part));
}
