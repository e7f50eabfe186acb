/** Reports the failure of a command: the error on stderr, and the exit code. */
import { CommanderError } from "commander";
import { asFairleadError, ERRORS, FairleadError, toErrorBody } from "../../../protocol/errors.ts";
import { EXIT, exitCodeFor } from "./exit.ts";
import type { Io } from "./io.ts";
import { Printer } from "./printer.ts";

/**
 * Prints a thrown error, with `json` as one line of JSON, and returns the exit code.
 * @param usageAction what to do about a wrong command line, unless the error says it
 */
export function reportFailure(thrown: unknown, io: Io, json: boolean, usageAction?: string): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok;
  const error = withUsage(toError(thrown), usageAction);
  const body = toErrorBody(error);
  const aside = new Printer(io.stderr, io.env);
  if (json) aside.verbatim(JSON.stringify({ error: body }));
  else {
    aside.line(`${aside.paint("red", "error:")} ${body.message}`);
    aside.line(`  code: ${body.code}`);
    aside.line(`  do: ${error.action}`);
  }
  if (io.env.FAIRLEAD_DEBUG) for (const line of stackOf(thrown).split("\n")) aside.verbatim(line);
  return exitCodeFor(error.code);
}

function toError(thrown: unknown): FairleadError {
  if (thrown instanceof CommanderError) {
    const text = thrown.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
    return new FairleadError("request.invalid", text, { cause: thrown });
  }
  return asFairleadError(thrown, "cli.internal");
}

/** An error about the command line, with the help of its command as the action. */
function withUsage(error: FairleadError, action: string | undefined): FairleadError {
  if (error.code !== "request.invalid" || error.action !== ERRORS["request.invalid"].action) return error;
  return new FairleadError(error.code, error.message, { cause: error, action });
}

/** The stacks of an error and its causes. */
function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const own = thrown.stack ?? thrown.message;
  return thrown.cause === undefined ? own : `${own}\ncaused by: ${stackOf(thrown.cause)}`;
}
