/** Runs one command line: parses it, calls the handler, and reports a failure. */
import { CommanderError } from "commander";
import { FairleadError } from "../../protocol/errors.ts";
import { version } from "../version.ts";
import { COMMANDS, commandOf } from "./commands.ts";
import { COMPLETE, complete } from "./completion/completion.ts";
import { Context } from "./framework/context.ts";
import { EXIT } from "./framework/exit.ts";
import { reportFailure } from "./framework/failure.ts";
import type { Io } from "./framework/io.ts";
import { NOUNS } from "./nouns.ts";
import { buildProgram } from "./program.ts";
import { insteadOf } from "./skupper-commands.ts";

/**
 * Runs `fairlead ARGV…` and returns its exit code; never throws.
 * @param argv the words after `fairlead`.
 */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  if (argv[0] === COMPLETE && argv[1] === "--") {
    await complete(argv.slice(2), { commands: COMMANDS, nouns: NOUNS });
    return EXIT.ok;
  }
  let json = wantsJson(argv);
  let exitCode: number = EXIT.ok;
  const program = buildProgram({
    commands: COMMANDS,
    io,
    version: version(),
    async invoke(definition, input, asked) {
      json = asked;
      const context = new Context(io, json);
      try {
        await definition.run(context, input);
        exitCode = context.exitCode;
      } finally {
        await context.close();
      }
    },
  });
  if (argv.length === 0) {
    program.outputHelp();
    return EXIT.ok;
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (thrown) {
    const error = fromSkupper(thrown, argv) ?? incomplete(thrown, argv) ?? thrown;
    return reportFailure(error, io, json, usageAction(argv));
  }
}

/** An error that names the Fairlead command for a command of Skupper; null for another error. */
function fromSkupper(thrown: unknown, argv: readonly string[]): FairleadError | null {
  const isUsage =
    thrown instanceof CommanderError ||
    (thrown instanceof FairleadError && thrown.code === "request.invalid");
  const action = isUsage ? insteadOf(argv) : null;
  if (action === null) return null;
  return new FairleadError("request.invalid", `\`${argv.join(" ")}\` is a command of Skupper.`, { action });
}

/** An error that names the verbs of `fairlead NOUN`, which commander ends without a message; null for another error. */
function incomplete(thrown: unknown, argv: readonly string[]): FairleadError | null {
  if (!(thrown instanceof CommanderError) || thrown.code !== "commander.help") return null;
  const noun = argv.find((word) => !word.startsWith("-")) ?? "";
  const verbs = COMMANDS.filter(({ path }) => path[0] === noun).map(({ path }) => path.slice(1).join(" "));
  return new FairleadError("request.invalid", `\`fairlead ${noun}\` needs one of: ${verbs.join(", ")}.`);
}

/** What to do about a wrong argument or option of a command line: its own help. */
function usageAction(argv: readonly string[]): string {
  const command = commandOf(argv);
  const [noun = ""] = argv;
  if (command === undefined && COMMANDS.some(({ path }) => path[0] === noun)) {
    return `Give one of its commands; \`fairlead help ${noun}\` lists them.`;
  }
  return command === undefined
    ? "Give the words of a command; `fairlead help` lists the commands."
    : `Correct what the message names; \`fairlead help ${command.path.join(" ")}\` shows its options, with examples.`;
}

/** Whether a command line asks for JSON, even if it does not parse. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).includes("--json");
}
