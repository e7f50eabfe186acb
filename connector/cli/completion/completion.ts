/** Completion of command lines in a shell. */
import type { RootCommand } from "@bomb.sh/tab";
import { Option } from "commander";
import { argument, type CommandDefinition, command } from "../framework/definition.ts";
import { oneOf } from "../framework/values.ts";

export const completion = command({
  path: ["completion"],
  summary: "Print a script that completes commands in a shell.",
  details:
    "The script asks `fairlead` itself for the words that fit. In bash it needs the package bash-completion.",
  arguments: {
    shell: argument("SHELL", "Shell: bash, zsh or fish.", oneOf("bash", "zsh", "fish")),
  },
  examples: [
    {
      command: "fairlead completion bash",
      says: "Prints the script; `source <(fairlead completion bash)` in ~/.bashrc loads it.",
    },
    {
      command: "fairlead completion zsh",
      says: "Prints the script; `source <(fairlead completion zsh)` in ~/.zshrc loads it after compinit.",
    },
    {
      command: "fairlead completion fish",
      says: "Prints the script; a file in ~/.config/fish/completions/ takes it as fairlead.fish.",
    },
  ],
  async run(_context, { shell }) {
    const { script } = await import("./tab.ts");
    script(shell, "fairlead", "fairlead");
  },
});

/** The first word of the command line that the scripts run: `fairlead complete -- WORDS…`. */
export const COMPLETE = "complete";

/** Directives of the scripts: whether the shell completes file names when nothing else fits. */
const DIRECTIVE = { files: 0, noFiles: 4 };

/** What completion needs of the commands. */
export interface CompletedCommands {
  readonly commands: readonly CommandDefinition[];
  /** Descriptions of the words before the last of commands. */
  readonly nouns: Readonly<Record<string, string>>;
}

/**
 * Prints the words that can stand next, one on a line, each with its description.
 * @param words the command line after `fairlead`; the last word is the one at the cursor, and may be empty
 */
export async function complete(words: readonly string[], all: CompletedCommands): Promise<void> {
  const { RootCommand } = await import("./tab.ts");
  const root = new RootCommand();
  let files = false;
  const proposePath = () => {
    files = true;
  };
  // The library sets it after the proposals, and always to `noFiles` (0.0.22).
  Object.defineProperty(root, "directive", {
    get: () => (files ? DIRECTIVE.files : DIRECTIVE.noFiles),
    set: () => {},
  });
  for (const [noun, description] of Object.entries(all.nouns)) root.command(noun, description);
  for (const definition of all.commands) addCommand(root, definition, proposePath);
  root.parse([...words]);
}

function addCommand(root: RootCommand, definition: CommandDefinition, proposePath: () => void): void {
  const proposeFor = (label: string) => (/\b(FILE|DIR|TOKEN)\b/.test(label) ? proposePath : () => {});
  const made = root.command(definition.path.join(" "), definition.summary);
  made.option("json", "Print JSON, for programs.");
  for (const option of Object.values(definition.options)) {
    const { long, short } = new Option(option.flags);
    const [name, alias] = [long?.slice(2) ?? option.flags, short?.slice(1)];
    if (option.kind === "switch") made.option(name, option.description, alias);
    else made.option(name, option.description, proposeFor(option.flags), alias);
  }
  for (const { label } of Object.values(definition.arguments)) made.argument(label, proposeFor(label));
}
