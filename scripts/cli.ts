/** Writes docs/cli.md from the command definitions: `npm run docs`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Option } from "commander";
import { COMMANDS } from "../connector/cli/commands.ts";
import type { ArgumentDefinition, CommandDefinition } from "../connector/cli/framework/definition.ts";
import { EXIT, EXIT_MEANING } from "../connector/cli/framework/exit.ts";
import { helpOf } from "../connector/cli/program.ts";
import { sentences } from "./sentences.ts";

const INTRO = `# The fairlead command

<!-- Made by \`npm run docs\` from the command definitions in connector/cli/. -->

\`fairlead\` is the only command, for people, for scripts and for the container.
\`fairlead help COMMAND\` prints what this page has.

## What all commands share

- **\`--json\`** prints one JSON document on standard output instead of text.
  An answer of the API has the form that the API's OpenAPI document describes.
  \`events --follow --json\` and the logs of \`connector run --json\` are JSON lines.
- **Errors** go to standard error, as three lines: what was wrong, its code (see [errors.md](errors.md)), and what to do.

  \`\`\`
  error: There is no network "shop".
    code: network.unknown
    do: \`fairlead network list\` shows the networks; \`fairlead network create\` creates one.
  \`\`\`

  With \`--json\` an error is one line, \`{"error":{"code":…,"message":…,"action":…}}\`.
- **The edge** is that of the stored login (\`fairlead login\`), in \`~/.config/fairlead/login.json\`.
  \`XDG_CONFIG_HOME\` moves the file, and \`FAIRLEAD_CONFIG\` names another one.
  \`FAIRLEAD_URL\`, \`FAIRLEAD_KEY\` or \`FAIRLEAD_OIDC\` (a file with an identity token), and \`FAIRLEAD_CA\` (a file) take precedence.
  With another address in \`FAIRLEAD_URL\`, nothing of the stored login is used, so a key is sent only to the edge for which it was made.
- **The network** is that of \`--network\`, else of \`FAIRLEAD_NETWORK\`, else the one chosen with \`network use\` or made last, else the only one that exists.
- **At a site**, \`expose\`, \`unexpose\`, \`service status\`, \`link create\`, \`link delete\`, \`link status\` and \`status --state\` reach the connector on the same machine through its state directory.
  That is the one of \`--state\`, else of \`FAIRLEAD_STATE\`, else of the only site on the machine.
- **Proxies**: \`HTTPS_PROXY\`, \`ALL_PROXY\` and \`NO_PROXY\` are honoured ([operations.md](operations.md#proxies)).
- **Colours** are off if the output is not a terminal, and with \`NO_COLOR\`.
- **Lines** fit the terminal: sentences and help are wrapped at 80 columns or its width, down to 40, and tables at its width.
  Names, ids and paths are never cut: a cell that is too narrow for one continues on the next line.
  Where the output is no terminal, every sentence and every row of a table is one whole line, and help has 80 columns.
- **Secrets** that a command writes with \`-o\` go to a file that only you can read (mode 0600), whatever the file was before.
- **Durations** are written like \`90s\`, \`15m\`, \`2h\`, \`1d\` or \`1h30m\`.
- **Ctrl-C** or SIGTERM ends \`edge start\`, \`connector run\` and \`events --follow\` in order; a second one ends them at once.
  Either ends every other command at once, also as process 1 of a container.
- \`FAIRLEAD_DEBUG=1\` adds the stack of an error.
`;

/** Makes the whole page. */
export function cliPage(commands: readonly CommandDefinition[] = COMMANDS): string {
  return `${INTRO}\n${exitCodes()}\n## Commands\n\n${index(commands)}\n${commands.map(section).join("\n")}`;
}

function exitCodes(): string {
  const rows = Object.entries(EXIT).map(([name, code]) => {
    const meaning = Object.entries(EXIT_MEANING).find(([each]) => each === name)?.[1] ?? "";
    return `| ${code} | ${meaning} |`;
  });
  return `## Exit codes\n\nExit codes are stable.\n\n| code | meaning |\n|---|---|\n${rows.join("\n")}\n`;
}

const titleOf = ({ path }: CommandDefinition) => path.join(" ");

function index(commands: readonly CommandDefinition[]): string {
  const rows = commands.map(
    (each) => `| [\`${titleOf(each)}\`](#${each.path.join("-")}) | ${each.summary} |`,
  );
  return `| command | does |\n|---|---|\n${rows.join("\n")}\n`;
}

const cell = (text: string) => text.replaceAll("|", "\\|");

function section(definition: CommandDefinition): string {
  const labels = Object.values(definition.arguments);
  const options = Object.values(definition.options);
  const needed = options.filter((option) => option.required).map((option) => option.flags);
  const usage = ["fairlead", ...definition.path, ...labels.map(usageOf), ...needed].join(" ");
  const lines = [
    `### ${titleOf(definition)}`,
    "",
    `\`${usage}${options.length > needed.length ? " [options]" : ""}\``,
    "",
  ];
  const { summary, details } = definition;
  lines.push(summary, ...sentences(details ?? ""), "");
  if (labels.length + options.length > 0) {
    lines.push("| argument or option | meaning |", "|---|---|");
    for (const { label, description } of labels) lines.push(`| \`${label}\` | ${cell(description)} |`);
    for (const option of options)
      lines.push(`| \`${cell(flagsOf(option.flags))}\` | ${cell(helpOf(option))} |`);
    lines.push("");
  }
  lines.push("```");
  for (const { command, says } of definition.examples) lines.push(`# ${says}`, command);
  lines.push("```", "");
  return lines.join("\n");
}

const usageOf = ({ label, optional }: ArgumentDefinition<unknown>) => (optional ? `[${label}]` : label);

/** Formats flags as a user writes them, without commander's angle brackets. */
function flagsOf(flags: string): string {
  const option = new Option(flags);
  return option.required ? flags.replace("<", "").replace(/>$/, "") : flags;
}

if (import.meta.main) await writeFile(join(import.meta.dirname, "../docs/cli.md"), cliPage());
