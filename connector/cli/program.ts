/** The commander program, made from the command definitions. */
import { Argument, Command, Option } from "commander";
import { FairleadError } from "../../protocol/errors.ts";
import type { CommandDefinition, OptionDefinition } from "./framework/definition.ts";
import type { Io } from "./framework/io.ts";
import { wantsColour } from "./framework/printer.ts";
import { NOUNS } from "./nouns.ts";

/** Called with the command that was typed and the values of its definitions. */
export type Invoke = (
  definition: CommandDefinition,
  input: Readonly<Record<string, unknown>>,
  json: boolean,
) => Promise<void>;

export interface ProgramOptions {
  readonly commands: readonly CommandDefinition[];
  readonly invoke: Invoke;
  readonly io: Io;
  readonly version: string;
}

/** Builds the program. Parsing throws CommanderError or FairleadError and never ends the process. */
export function buildProgram({ commands, invoke, io, version }: ProgramOptions): Command {
  const program = new Command("fairlead")
    .description("Connects services across private clusters, clouds and machines through the edge.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // Errors are printed in one form, by reportFailure.
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getOutHasColors: () => wantsColour(io.stdout, io.env),
    })
    .configureHelp({ styleTitle: (text) => text.toUpperCase() })
    .addHelpText("after", OUTRO);
  for (const definition of commands) addCommand(program, definition, invoke);
  program
    .command("help")
    .description("show help for a command")
    .argument("[COMMAND...]", "words of the command")
    .action((words: string[]) => {
      findCommand(program, words).outputHelp();
    });
  return program;
}

const OUTRO = `
Every command takes --json. \`fairlead help COMMAND\` shows its options and examples.
`;

/** The command of those words. @throws FairleadError `request.invalid` */
function findCommand(program: Command, words: readonly string[]): Command {
  let at = program;
  for (const word of words) {
    const next = at.commands.find((each) => each.name() === word);
    if (next === undefined)
      throw new FairleadError("request.invalid", `unknown command '${words.join(" ")}'`);
    at = next;
  }
  return at;
}

function addCommand(program: Command, definition: CommandDefinition, invoke: Invoke): void {
  const name = definition.path[definition.path.length - 1] ?? "";
  let parent = program;
  for (const word of definition.path.slice(0, -1)) {
    parent =
      parent.commands.find((each) => each.name() === word) ??
      parent
        .command(word)
        .description(NOUNS[word] ?? word)
        .helpCommand(false);
  }
  const made = parent.command(name).summary(definition.summary).description(describe(definition));
  const labels = Object.entries(definition.arguments);
  for (const [, { label, description, optional, parse }] of labels) {
    const form = optional ? `[${label}]` : `<${label}>`;
    made.addArgument(new Argument(form, description).argParser((text) => naming(label, () => parse(text))));
  }
  const options = Object.entries(definition.options).map(
    ([key, option]) => [key, option, commanderOption(option)] as const,
  );
  for (const [, , option] of options) made.addOption(option);
  made.option("--json", "print JSON, for programs");
  made.addHelpText("after", () => examplesText(definition));
  made.action(async () => {
    const given: Record<string, unknown> = made.opts();
    const input: Record<string, unknown> = {};
    for (const [at, [key]] of labels.entries()) input[key] = made.processedArgs[at];
    for (const [key, option, { attributeName }] of options.map(
      ([key, option, made]) => [key, option, { attributeName: made.attributeName() }] as const,
    )) {
      input[key] = given[attributeName] ?? option.fallback;
    }
    await invoke(definition, input, given.json === true);
  });
}

function commanderOption(option: OptionDefinition<unknown>): Option {
  const made = new Option(option.flags, helpOf(option));
  const name = made.long ?? option.flags;
  if (option.required) made.makeOptionMandatory();
  if (option.kind === "one") made.argParser((text) => naming(name, () => option.parse(text)));
  if (option.kind === "many") {
    made.argParser((text, before: unknown) => {
      const earlier: readonly unknown[] = Array.isArray(before) ? before : [];
      return [...earlier, naming(name, () => option.parse(text))];
    });
  }
  return made;
}

/** An option's line in help: what it does, its default, whether it can be repeated. */
export function helpOf(option: OptionDefinition<unknown>): string {
  const notes = [
    ...(option.shown === undefined ? [] : [`default: ${option.shown}`]),
    ...(option.required ? ["needed"] : []),
    ...(option.kind === "many" ? ["can be repeated"] : []),
  ];
  return notes.length === 0 ? option.description : `${option.description} (${notes.join("; ")})`;
}

const describe = ({ summary, details }: CommandDefinition) =>
  `${summary[0]?.toUpperCase()}${summary.slice(1)}.${details === undefined ? "" : `\n\n${details}`}`;

const examplesText = ({ examples }: CommandDefinition) =>
  `\nEXAMPLES:\n${examples.map(({ command, says }) => `  ${command}\n      ${says}`).join("\n")}\n`;

/** Says which option or argument a wrong value was given to. */
function naming<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    if (thrown instanceof FairleadError && !thrown.message.startsWith(name)) {
      throw new FairleadError(thrown.code, `${name}: ${thrown.message}`, { cause: thrown });
    }
    throw thrown;
  }
}
