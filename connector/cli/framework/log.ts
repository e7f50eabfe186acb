/** Log of a long-running command: readable on a terminal, JSON lines elsewhere. */
import { visible } from "../../../protocol/text.ts";
import { LeveledLog, type LogLevel } from "../../log.ts";
import type { Io, Output } from "./io.ts";
import { wantsColour } from "./printer.ts";

export interface LogOptions {
  readonly io: Io;
  readonly output: Output;
  readonly level: LogLevel;
  /** JSON lines even on a terminal. */
  readonly json: boolean;
}

/** A log that writes to `output`. */
export async function makeLog({ io, output, level, json }: LogOptions): Promise<LeveledLog> {
  const { pino, stdTimeFunctions } = await import("pino");
  // A pino child keeps the level that its parent had when it was made (pino 10.4), so pino passes every line on.
  const options = { level: "debug", base: null, timestamp: stdTimeFunctions.isoTime };
  if (json || !output.isTTY) {
    // Log stores expect the names of levels, not pino's numbers.
    const formatters = { level: (label: string) => ({ level: label }) };
    return new LeveledLog(pino({ ...options, formatters }, output), level);
  }
  const { prettyFactory } = await import("pino-pretty");
  const pretty = prettyFactory({
    colorize: wantsColour(output, io.env),
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
    // Fields are printed as JSON; the message is printed as it is.
    messageFormat: (fields, key) => visible(String(fields[key] ?? "")),
  });
  return new LeveledLog(pino(options, { write: (line: string) => output.write(pretty(line)) }), level);
}
