/** The check of a path, for people. */
import type { PathCheck, PathStep, StepState } from "../../../protocol/diagnosis/path-check.ts";
import type { Trial } from "../../control/schema.ts";
import { relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";
import { milliseconds } from "../views/milliseconds.ts";

const MARKS: Readonly<
  Record<StepState, readonly [mark: string, colour: "green" | "red" | "yellow" | "dim"]>
> = {
  ok: ["✓", "green"],
  broken: ["✗", "red"],
  unknown: ["?", "yellow"],
  skipped: ["-", "dim"],
};

/**
 * Prints the steps of a path, and what to do about the broken one.
 * @param isShort leaves out the steps of a path that works
 */
export function printPathCheck(
  out: Printer,
  check: PathCheck,
  { now, isShort }: { now: number; isShort: boolean },
): void {
  const { from, service, cause, steps, addresses } = check;
  const path = `The path from site ${from} to service ${service}`;
  const doubt = steps.find(({ state }) => state === "unknown");
  if (cause !== null) out.line(out.paint("red", `${path} is broken: ${cause.detail}`));
  else if (doubt !== undefined && doubt.id !== "traffic")
    out.line(out.paint("yellow", `${path} may be broken.`));
  else
    out.line(
      out.paint(
        "green",
        `${path} works${addresses.length === 0 ? "" : `: clients connect to ${addresses.join(", ")}`}.`,
      ),
    );
  if (isShort && cause === null) return;
  for (const step of steps) printStep(out, step, now);
}

function printStep(out: Printer, step: PathStep, now: number): void {
  const { title, state, detail, since, code, action, command, at } = step;
  const [mark, colour] = MARKS[state];
  out.line(`  ${out.paint(colour, mark)} ${state === "skipped" ? out.paint("dim", title) : title}`, 4);
  if (detail !== "") out.line(`    ${detail}${code === undefined ? "" : ` (${code})`}`);
  if (state === "ok" || state === "skipped") return;
  if (since !== undefined) out.line(`    since: ${relativeTime(since, now)}`);
  if (action !== undefined) out.line(`    do: ${action}`);
  if (command !== undefined) out.line(`    run${at === undefined ? "" : ` at site ${at}`}: \`${command}\``);
}

/** A connection that was opened: where it ended, or why it failed. */
export type Connection =
  | Trial
  | { readonly error: { readonly code: string; readonly message: string; readonly action: string } };

/** Prints where a connection ended. */
export function printConnection(out: Printer, connection: Connection): void {
  out.line();
  if (!("error" in connection)) {
    const { site, ms } = connection;
    out.line(
      out.paint(
        "green",
        `A connection was opened in ${milliseconds(ms)}: a target at site ${site} accepted it.`,
      ),
    );
    return;
  }
  const { code, message, action } = connection.error;
  out.line(`${out.paint("red", "A connection was tried and failed:")} ${message} (${code})`);
  out.line(`  do: ${action}`);
}
