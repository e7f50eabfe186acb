/** The log that every part of the connector writes to. A pino logger satisfies it. */

type Write = (fields: Record<string, unknown>, message: string) => void;

export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  /** A log whose lines carry these fields as well. It follows this log's level. */
  child(fields: Record<string, unknown>): Log;
}

/** From the most lines to the fewest. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Discards every line. */
export const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Passes on the lines of its level and above. The level can be set at any time, and holds for all children as well. */
export class LeveledLog implements Log {
  readonly #target: Log;
  /** Shared with the children. */
  #threshold: { level: LogLevel };

  /** @param target takes lines of every level. */
  constructor(target: Log, level: LogLevel) {
    this.#target = target;
    this.#threshold = { level };
  }

  get level(): LogLevel {
    return this.#threshold.level;
  }

  set level(level: LogLevel) {
    this.#threshold.level = level;
  }

  readonly debug: Write = (fields, message) => this.#write("debug", fields, message);
  readonly info: Write = (fields, message) => this.#write("info", fields, message);
  readonly warn: Write = (fields, message) => this.#write("warn", fields, message);
  readonly error: Write = (fields, message) => this.#write("error", fields, message);

  child(fields: Record<string, unknown>): Log {
    const child = new LeveledLog(this.#target.child(fields), this.level);
    child.#threshold = this.#threshold;
    return child;
  }

  #write(level: LogLevel, fields: Record<string, unknown>, message: string): void {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.level)) return;
    this.#target[level](fields, message);
  }
}
