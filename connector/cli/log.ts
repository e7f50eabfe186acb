/** Logs of the long-running commands: for people on a terminal, JSON lines for everybody else. */
import type { Logger } from "pino";
import { visible } from "../../protocol/text.ts";
import type { Io, Output } from "./io.ts";
import type { LogLevel } from "./options.ts";
import { wantsColour } from "./output.ts";

export interface LogOptions {
  readonly io: Io;
  readonly output: Output;
  readonly level: LogLevel;
  /** JSON lines even on a terminal. */
  readonly json: boolean;
}

/** A logger that writes to `output`. */
export async function makeLog({ io, output, level, json }: LogOptions): Promise<Logger> {
  const { pino, stdTimeFunctions } = await import("pino");
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  if (json || !output.isTTY) {
    // Level names, as people and log stores expect them; pino's numbers mean nothing to them.
    return pino({ ...options, formatters: { level: (label) => ({ level: label }) } }, output);
  }
  const { prettyFactory } = await import("pino-pretty");
  const pretty = prettyFactory({
    colorize: wantsColour(output, io.env),
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
    // Fields are printed as JSON; the message is printed as it is.
    messageFormat: (fields, key) => visible(String(fields[key] ?? "")),
  });
  return pino(options, { write: (line: string) => output.write(pretty(line)) });
}
