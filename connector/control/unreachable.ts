/** Why no connector answers at a state directory, and what to do about it. */
import { existsSync } from "node:fs";
import { FairleadError } from "../../protocol/errors.ts";
import { errnoOf } from "../state/errors.ts";
import { ownerOf } from "../state/owner.ts";

/**
 * The error of a request to the control socket that failed.
 * @param timeoutMs how long the connector had to answer
 */
export function unreachable(cause: unknown, stateDir: string, timeoutMs: number): FairleadError {
  const { message, action } = reasonOf(cause, stateDir, timeoutMs);
  return new FairleadError("connector.unreachable", message, { cause, action });
}

function reasonOf(cause: unknown, stateDir: string, timeoutMs: number): { message: string; action?: string } {
  const code = errnoOf(cause);
  if (code === "EACCES" || code === "EPERM") {
    return {
      message: `This user may not reach the connector in ${stateDir} (${code}).`,
      action: "Run the command as the user of the connector, or as root.",
    };
  }
  if (ownerOf(stateDir) === "edge") {
    return {
      message: `${stateDir} is the state directory of an edge, and not of a site.`,
      action: "Name the state directory of a site with --state or FAIRLEAD_STATE.",
    };
  }
  if (code === "ENOENT" && !existsSync(stateDir)) {
    return {
      message: `There is no state directory ${stateDir}.`,
      action:
        "Name the state directory of the site with --state or FAIRLEAD_STATE; `fairlead connector run` makes it.",
    };
  }
  if (code === "ECONNREFUSED") {
    return {
      message: `The connector in ${stateDir} has ended (${code}).`,
      action: "Read its log for why it ended, and start it again with `fairlead connector run --state DIR`.",
    };
  }
  if (cause instanceof Error && (cause.name === "TimeoutError" || cause.name === "AbortError")) {
    return {
      message: `The connector in ${stateDir} did not answer within ${timeoutMs / 1000} s.`,
      action: "Try again; if the error persists, check the load of the machine and the log of the connector.",
    };
  }
  if (cause instanceof SyntaxError) {
    return {
      message: `The process at the socket in ${stateDir} does not answer as a connector does.`,
      action: "Name the state directory of a site with --state or FAIRLEAD_STATE.",
    };
  }
  return {
    message: `No connector answers in ${stateDir}${code === undefined ? "" : ` (${code})`}.`,
    action: "Start it with `fairlead connector run --state DIR`, or name another directory with --state.",
  };
}
