/**
 * Limits the log lines that peers and clients can cause. The first line of a kind is written at once. Further ones go to
 * the level debug, and once a minute one line counts them.
 */
import type { Log } from "./log.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What lines have in common that are counted together. */
export interface LineKind {
  /** The fields of a peer or another origin of lines. Each origin has a limited number of kinds. */
  readonly origin: Fields;
  /** Further fields. */
  readonly about: Fields;
}

/** Time between two counts, ms. */
const COUNT_MS = 60_000;

/** Most kinds of one origin: a peer chooses the names of the services that it asks for. The rest is counted together. */
const MAX_KINDS = 64;

interface Kind {
  readonly level: "info" | "warn";
  readonly fields: Fields;
  /** Lines since the last count. */
  count: number;
}

export class LogThrottle {
  readonly #log: Log;
  readonly #countText: (count: number) => string;
  /** Kinds that had a line within the last minute, by origin. */
  readonly #kinds = new Map<string, Map<string, Kind>>();
  #timer: NodeJS.Timeout | undefined;

  /** @param countText makes the message of a count */
  constructor(log: Log, countText: (count: number) => string) {
    this.#log = log;
    this.#countText = countText;
  }

  /** Writes a line, or counts it. `fields` are those of the line alone. */
  write(level: Kind["level"], { origin, about }: LineKind, fields: Fields, message: string): void {
    const all = { ...origin, ...about, ...fields };
    const kinds = this.#kindsOf(keyOf(origin));
    const [key, shared] = this.#isRoom(kinds, keyOf(about)) ? [keyOf(about), about] : ["", {}];
    const kind = kinds.get(key);
    if (kind === undefined) {
      kinds.set(key, { level, fields: { ...origin, ...shared }, count: 0 });
      this.#log[level](all, message);
      this.#timer ??= setInterval(() => this.count(), COUNT_MS).unref();
    } else {
      kind.count++;
      this.#log.debug(all, message);
    }
  }

  /** Writes the counts, and forgets the kinds that had no line since the last count. */
  count(): void {
    for (const [origin, kinds] of this.#kinds) {
      for (const [key, kind] of kinds) {
        const { level, fields, count } = kind;
        if (count === 0) kinds.delete(key);
        else this.#log[level]({ ...fields, count }, this.#countText(count));
        kind.count = 0;
      }
      if (kinds.size === 0) this.#kinds.delete(origin);
    }
    if (this.#kinds.size === 0) this.#stop();
  }

  /** Writes the counts, and starts anew with the next line. */
  close(): void {
    this.count();
    this.#kinds.clear();
    this.#stop();
  }

  #kindsOf(origin: string): Map<string, Kind> {
    const known = this.#kinds.get(origin);
    if (known !== undefined) return known;
    const kinds = new Map<string, Kind>();
    this.#kinds.set(origin, kinds);
    return kinds;
  }

  /** Whether a kind is known or may be added. The last place is for those that have none. */
  #isRoom(kinds: ReadonlyMap<string, Kind>, key: string): boolean {
    return kinds.has(key) || kinds.size < MAX_KINDS - 1;
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

const keyOf = (fields: Fields): string => JSON.stringify(Object.values(fields));
