/** The log that every part of the connector writes to. A pino logger satisfies it. */

type Write = (fields: Record<string, unknown>, message: string) => void;

export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  /** Whether lines of the level are written. What only fills the fields of a line need not be made for another. */
  isLevelEnabled(level: LogLevel): boolean;
  /** A log whose lines carry these fields as well. It follows this log's level. */
  child(fields: Record<string, unknown>): Log;
}

/** From the most lines to the fewest. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The least levels of the lines that are passed on. */
export interface LogLevels {
  readonly level: LogLevel;
  /** Levels of single parts, by the name in the field `part`. */
  readonly parts: Readonly<Record<string, LogLevel>>;
}

/** Discards every line. */
export const silent: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  isLevelEnabled: () => false,
  child: () => silent,
};

/** What a child has of its parent. */
interface Child {
  readonly part: string | null;
  readonly shared: { levels: LogLevels };
}

/**
 * Passes on the lines of its level and above. A child with the field `part` has the level of that part, if there is one.
 * The levels can be set at any time, and hold for all children as well.
 */
export class LeveledLog implements Log {
  readonly #target: Log;
  readonly #part: string | null;
  /** Shared with the children. */
  readonly #shared: { levels: LogLevels };

  /**
   * @param target takes lines of every level
   * @param levels a value of its own; a child is made by {@link child}
   */
  constructor(target: Log, levels: LogLevels | LogLevel, child?: Child) {
    this.#target = target;
    this.#part = child?.part ?? null;
    this.#shared = child?.shared ?? {
      levels: typeof levels === "string" ? { level: levels, parts: {} } : levels,
    };
  }

  get levels(): LogLevels {
    return this.#shared.levels;
  }

  set levels(levels: LogLevels) {
    this.#shared.levels = levels;
  }

  readonly debug: Write = (fields, message) => this.#write("debug", fields, message);
  readonly info: Write = (fields, message) => this.#write("info", fields, message);
  readonly warn: Write = (fields, message) => this.#write("warn", fields, message);
  readonly error: Write = (fields, message) => this.#write("error", fields, message);

  isLevelEnabled(level: LogLevel): boolean {
    const { levels } = this.#shared;
    const least = (this.#part === null ? undefined : levels.parts[this.#part]) ?? levels.level;
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
  }

  /** A log whose lines carry these fields as well. The part of a child replaces that of its parent. */
  child({ part, ...fields }: Record<string, unknown>): LeveledLog {
    const target = Object.keys(fields).length === 0 ? this.#target : this.#target.child(fields);
    const shared = this.#shared;
    return new LeveledLog(target, shared.levels, {
      shared,
      part: typeof part === "string" ? part : this.#part,
    });
  }

  #write(level: LogLevel, fields: Record<string, unknown>, message: string): void {
    if (!this.isLevelEnabled(level)) return;
    this.#target[level](this.#part === null ? fields : { part: this.#part, ...fields }, message);
  }
}
