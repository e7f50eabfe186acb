/** The commander program, built from the command definitions. */
import { Argument, type Command, Option } from "commander";
import { FairleadError } from "../../protocol/errors.ts";
import type { CommandDefinition, OptionDefinition } from "./framework/definition.ts";
import { examplesText, HelpfulCommand, helpColumns } from "./framework/help.ts";
import type { Io } from "./framework/io.ts";
import { wrapProse } from "./framework/layout.ts";
import { wantsColour } from "./framework/printer.ts";
import { NOUNS } from "./nouns.ts";

/** Runs the handler of the typed command with the values of its arguments and options. */
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
  const program = new HelpfulCommand("fairlead")
    .description("Connects services across private clusters, clouds and machines through the edge.")
    .version(version, "-V, --version", "Print the version.")
    .helpOption("-h, --help", "Show help.")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // reportFailure prints every error in the same form.
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => helpColumns(io.stdout),
      getOutHasColors: () => wantsColour(io.stdout, io.env),
    })
    .addHelpText("after", () => `\n${wrapProse(OUTRO, helpColumns(io.stdout)).join("\n")}\n`);
  for (const definition of commands) addCommand(program, definition, { invoke, io });
  program
    .command("help")
    .description("Show help for a command.")
    .argument("[COMMAND...]", "Words of the command.")
    .action((words: string[]) => {
      findCommand(program, words).outputHelp();
    });
  return program;
}

const OUTRO = "Every command takes --json. `fairlead help COMMAND` shows its options and examples.";

/** Finds the command with these words. @throws FairleadError `request.invalid` */
function findCommand(program: Command, words: readonly string[]): Command {
  let at = program;
  for (const word of words) {
    const next = at.commands.find((each) => each.name() === word);
    if (next === undefined)
      throw new FairleadError("request.invalid", `There is no command "${words.join(" ")}".`);
    at = next;
  }
  return at;
}

function addCommand(
  program: Command,
  definition: CommandDefinition,
  { invoke, io }: Pick<ProgramOptions, "invoke" | "io">,
): void {
  const name = definition.path[definition.path.length - 1] ?? "";
  let parent = program;
  for (const [at, word] of definition.path.slice(0, -1).entries()) {
    parent =
      parent.commands.find((each) => each.name() === word) ??
      parent
        .command(word)
        .description(NOUNS[definition.path.slice(0, at + 1).join(" ")] ?? word)
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
  made.option("--json", "Print JSON, for programs.");
  made.addHelpText("after", () => examplesText(definition.examples, helpColumns(io.stdout)));
  made.action(async () => {
    const given: Record<string, unknown> = made.opts();
    const input: Record<string, unknown> = {};
    for (const [at, [key]] of labels.entries()) input[key] = made.processedArgs[at];
    for (const [key, option, { attributeName }] of options.map(
      ([key, option, made]) => [key, option, { attributeName: made.attributeName() }] as const,
    )) {
      const parsed = given[attributeName];
      input[key] = parsed instanceof Parsed ? parsed.value : (parsed ?? option.fallback);
    }
    await invoke(definition, input, given.json === true);
  });
}

/** The value of an option. commander takes null, which `--kubernetes-watch all` means, for a value that is missing. */
class Parsed {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

function commanderOption(option: OptionDefinition<unknown>): Option {
  const made = new Option(option.flags, helpOf(option));
  const name = made.long ?? option.flags;
  if (option.required) made.makeOptionMandatory();
  if (option.kind === "one") made.argParser((text) => new Parsed(naming(name, () => option.parse(text))));
  if (option.kind === "many") {
    made.argParser((text, before: unknown) => {
      const earlier: readonly unknown[] = Array.isArray(before) ? before : [];
      return [...earlier, naming(name, () => option.parse(text))];
    });
  }
  return made;
}

/** The help of an option: its description, its default, and whether it is required or can be repeated. */
export function helpOf(option: OptionDefinition<unknown>): string {
  const sentences = [
    option.description,
    ...(option.shown === undefined ? [] : [`The default is ${option.shown}.`]),
    ...(option.required ? ["Required."] : []),
    ...(option.kind === "many" ? ["Can be repeated."] : []),
  ];
  return sentences.join(" ");
}

const describe = ({ summary, details }: CommandDefinition) =>
  details === undefined ? summary : `${summary}\n\n${details}`;

/** Names the option or argument in the error of a wrong value. */
function naming<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    if (thrown instanceof FairleadError && !thrown.message.startsWith(name)) {
      const { action, code } = thrown;
      throw new FairleadError(code, `${name}: ${thrown.message}`, { cause: thrown, action });
    }
    throw thrown;
  }
}
