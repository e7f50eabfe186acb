/** A stream to a site that offers a zone: several queries at once, answered in any order. */
import type { Duplex } from "node:stream";
import { writeQuery } from "../../protocol/dns/forwarded-answer.ts";
import type { Passages } from "../../protocol/dns/passages.ts";
import { type DnsResponse, readResponse } from "../../protocol/dns/response.ts";
import { withTimeout } from "../async/timeout.ts";
import { FramedMessages, framed } from "./framed-messages.ts";
import type { Asked } from "./upstream.ts";

/** How long the stream stays open without a query, ms. A session without streams closes by itself. */
const IDLE_MS = 10_000;

/** Most queries without an answer. */
const MAX_PENDING = 1000;

const IDS = 65_536;

export interface ZoneConnectionOptions {
  readonly open: () => Promise<Duplex>;
  /** Called once the stream has ended. */
  readonly onEnd: () => void;
  readonly idleMs?: number | undefined;
}

type Settle = (answer: DnsResponse | null) => void;

export class ZoneConnection {
  readonly #options: ZoneConnectionOptions;
  readonly #messages = new FramedMessages();
  readonly #pending = new Map<number, { readonly asked: Asked; readonly settle: Settle }>();
  readonly #stream: Promise<Duplex>;
  #idle: NodeJS.Timeout | undefined;
  #nextId = 0;
  #isClosed = false;

  constructor(options: ZoneConnectionOptions) {
    this.#options = options;
    this.#stream = options.open().then((stream) => this.#attach(stream));
    this.#stream.catch(() => this.close());
  }

  /** The answer; null if the stream ends before, after `ms`, or with too many queries at once. */
  async ask(asked: Asked, ms: number, passages: Passages): Promise<DnsResponse | null> {
    if (this.#isClosed || this.#pending.size >= MAX_PENDING) return null;
    clearTimeout(this.#idle);
    const id = this.#freeId();
    const { promise, resolve } = Promise.withResolvers<DnsResponse | null>();
    this.#pending.set(id, { asked, settle: resolve });
    this.#stream.then(
      (stream) => stream.write(framed(writeQuery(id, asked, false, passages))),
      () => resolve(null),
    );
    try {
      return await withTimeout(promise, ms, () => new Error("The answer is late."));
    } catch {
      return null;
    } finally {
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#rest();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#idle);
    for (const { settle } of this.#pending.values()) settle(null);
    this.#stream.then(
      (stream) => stream.destroy(),
      () => {},
    );
    this.#options.onEnd();
  }

  #attach(stream: Duplex): Duplex {
    stream.on("error", () => {});
    stream.on("close", () => this.close());
    stream.on("end", () => this.close());
    stream.on("data", (chunk: Uint8Array) => {
      this.#messages.add(chunk);
      this.#read();
    });
    if (this.#isClosed) stream.destroy();
    return stream;
  }

  #read(): void {
    for (;;) {
      const message = this.#messages.next();
      if (message === null) return;
      if (message === "malformed") {
        this.close();
        return;
      }
      const answer = readResponse(message);
      const pending = answer === null ? undefined : this.#pending.get(answer.id);
      const { name, type } = answer?.question ?? {};
      if (pending?.asked.name === name && pending?.asked.type === type) pending?.settle(answer);
    }
  }

  #freeId(): number {
    while (this.#pending.has(this.#nextId)) this.#nextId = (this.#nextId + 1) % IDS;
    const id = this.#nextId;
    this.#nextId = (id + 1) % IDS;
    return id;
  }

  #rest(): void {
    if (this.#isClosed) return;
    const { idleMs = IDLE_MS } = this.#options;
    this.#idle = setTimeout(() => this.#end(), idleMs).unref();
  }

  /** Ends the stream without a reset. */
  #end(): void {
    this.#isClosed = true;
    this.#options.onEnd();
    this.#stream.then(
      (stream) => stream.end(),
      () => {},
    );
  }
}
