/** Keeps the answers of other sites' zones as long as their TTLs permit. */
import type { KeptAnswer } from "../../protocol/dns/response.ts";
import type { ForwardedAnswer } from "./answerer.ts";

/** Most answers, and their bytes together. */
const MAX_ANSWERS = 10_000;
const MAX_BYTES = 32 * 1024 * 1024;

/** What an answer takes beside its message, about, bytes. */
const OVERHEAD = 200;

export interface ZoneCacheOptions {
  readonly maxAnswers?: number;
  readonly maxBytes?: number;
  /** A clock that never goes back, ms. */
  readonly now?: () => number;
}

interface Entry {
  readonly answer: KeptAnswer;
  readonly at: number;
}

export class ZoneCache {
  readonly #maxAnswers: number;
  readonly #maxBytes: number;
  readonly #now: () => number;
  /** The least recently used answer first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor({
    maxAnswers = MAX_ANSWERS,
    maxBytes = MAX_BYTES,
    now = () => performance.now(),
  }: ZoneCacheOptions = {}) {
    this.#maxAnswers = maxAnswers;
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): ForwardedAnswer | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    const age = Math.floor((this.#now() - entry.at) / 1000);
    this.#remove(key, entry);
    if (age >= entry.answer.ttl) return null;
    this.#add(key, entry);
    return { answer: entry.answer, age };
  }

  put(key: string, answer: KeptAnswer): void {
    const former = this.#entries.get(key);
    if (former !== undefined) this.#remove(key, former);
    if (answer.ttl === 0) return;
    // A part of a larger buffer would keep the whole of it.
    this.#add(key, { answer: { ...answer, bytes: answer.bytes.slice() }, at: this.#now() });
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#maxAnswers && this.#bytes <= this.#maxBytes) break;
      this.#remove(oldest, entry);
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += sizeOf(entry);
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= sizeOf(entry);
  }
}

const sizeOf = ({ answer }: Entry): number => answer.bytes.length + OVERHEAD;
