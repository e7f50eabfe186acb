/** The command that does what the page does. */
import { forNetwork } from "../format/command.ts";
import { CopyButton } from "./copy-button.tsx";
import { useNetworkName } from "./name.tsx";
import "./command-hint.css";

interface CommandHintProps {
  /** Without `--network`: the hint names the network of the page where the command takes it. */
  readonly command: string;
  /** The site where the command runs, if it needs one. It then asks the connector, which knows its network. */
  readonly at?: string | undefined;
}

/** A command, with a button to copy it. */
export function CommandHint({ command, at }: CommandHintProps) {
  const network = useNetworkName();
  const shown = at === undefined ? forNetwork(command, network) : command;
  return (
    <span className="fl-command-line">
      <span className="fl-command">
        <code dir="ltr">
          <Words of={shown} />
        </code>
        <CopyButton text={shown} what="the command" />
      </span>
      {at === undefined ? null : (
        <span className="fl-subtle">
          at site <bdi>{at}</bdi>
        </span>
      )}
    </span>
  );
}

/** The words of a command. A line breaks between them, and not at the hyphens of an option. */
function Words({ of }: { of: string }) {
  return of.split(/(\s+)/).map((part, index) => {
    const key = `${index}`;
    return part.trim() === "" ? (
      part
    ) : (
      <span key={key} className="fl-command__word">
        {part}
      </span>
    );
  });
}

/** A sentence in which commands stand in backticks. */
export function Sentence({ children }: { children: string }) {
  return children
    .split("`")
    .map((part, index) => ({ place: `${index}`, part, isCommand: index % 2 === 1 }))
    .map(({ place, part, isCommand }) => (isCommand ? <code key={place}>{part}</code> : part));
}
