/** The log of a long-running command: readable on a terminal, JSON lines elsewhere. */
import { visible } from "../../../protocol/text.ts";
import { LeveledLog, type LogLevel, type LogLevels } from "../../log.ts";
import type { LogRing } from "../../log-ring.ts";
import type { Io, Output } from "./io.ts";
import { wantsColour } from "./printer.ts";

export interface LogOptions {
  readonly io: Io;
  readonly output: Output;
  readonly level: LogLevels | LogLevel;
  /** Writes JSON lines on a terminal too. */
  readonly json: boolean;
  /** Keeps the last lines, as JSON. */
  readonly ring?: LogRing;
}

/** Creates a log that writes to `output`. */
export async function makeLog({ io, output, level, json, ring }: LogOptions): Promise<LeveledLog> {
  const { pino, stdTimeFunctions } = await import("./pino.ts");
  // pino passes every line on, because a pino child keeps the level of its parent at its creation (pino 10.4).
  const options = { level: "debug", base: null, timestamp: stdTimeFunctions.isoTime };
  if (json || !output.isTTY) {
    // Log stores expect names of levels instead of pino's numbers.
    const formatters = { level: (label: string) => ({ level: label }) };
    const kept = {
      write(line: string) {
        ring?.write(line);
        output.write(line);
      },
    };
    return new LeveledLog(pino({ ...options, formatters }, ring === undefined ? output : kept), level);
  }
  const { prettyFactory } = await import("./pino-pretty.ts");
  const pretty = prettyFactory({
    colorize: wantsColour(output, io.env),
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
    // pino-pretty escapes fields, as JSON, but not the message.
    messageFormat: (fields, key) => visible(String(fields[key] ?? "")),
  });
  const shown = {
    write(line: string) {
      ring?.write(line);
      output.write(pretty(line));
    },
  };
  return new LeveledLog(pino(options, shown), level);
}
