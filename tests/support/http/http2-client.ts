/** A client of HTTP/2 whose frames are written by hand, and which says what the server does with them. */
import { connect, type Socket } from "node:net";
import { FRAME, frame, framesOf, type ReadFrame } from "./http2-bytes.ts";
import { ERROR_CODES, type ErrorCode, type Http2Expectation, isAny } from "./http2-expectation.ts";

/** RFC 9113 §3.4. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** For a server that never does what is expected, ms. It is no bound on speed. */
const PATIENCE_MS = 60_000;

const FENCE = Buffer.from("  fence ", "latin1");

export class Http2Client {
  readonly #socket: Socket;
  /** What has come and was not looked at. */
  readonly #frames: ReadFrame[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #isClosed = false;
  #wake: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const close = (): void => {
      this.#isClosed = true;
      this.#wake?.();
    };
    // A server that closes with bytes unread resets the connection.
    socket.on("error", () => {});
    socket.on("end", close);
    socket.on("close", close);
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
  }

  static async connect(port: number, host = "127.0.0.1"): Promise<Http2Client> {
    const socket = connect({ port, host, noDelay: true });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Http2Client(socket);
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends the preface, and resolves when both sides have acknowledged each other's settings. */
  async handshake(): Promise<void> {
    this.send(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]));
    let isAcknowledged = false;
    let isSettled = false;
    while (!isAcknowledged || !isSettled) {
      const next = await this.#next();
      if (next?.type !== FRAME.settings) continue;
      if (next.flags === 1) {
        isAcknowledged = true;
      } else {
        isSettled = true;
        this.send(frame(FRAME.settings, 1, 0));
      }
    }
  }

  /** Resolves when the server did what is expected. @throws Error that says what it did instead */
  async expect(expected: Http2Expectation): Promise<void> {
    if (expected.event === "nothing") this.send(frame(FRAME.ping, 0, 0, FENCE));
    const seen: string[] = [];
    for (;;) {
      const next = await this.#next(
        () => `Expected ${textOf(expected)}, and got ${seen.join(", ") || "nothing"}.`,
      );
      seen.push(next === null ? "the end of the connection" : frameText(next));
      const result = verdict(expected, next);
      if (result === "met") return;
      if (result === "failed" || next === null) {
        throw new Error(`Expected ${textOf(expected)}, and got ${seen.join(", ")}.`);
      }
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 9 && this.#rest.length >= 9 + this.#rest.readUIntBE(0, 3)) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      this.#frames.push(...framesOf(this.#rest.subarray(0, end)));
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake?.();
  }

  /** The next frame, or null at the end of the connection. */
  async #next(complaint = () => "The server did not send its settings."): Promise<ReadFrame | null> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(complaint())), PATIENCE_MS);
    try {
      for (;;) {
        const found = this.#frames.shift();
        if (found !== undefined) return found;
        if (this.#isClosed) return null;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await Promise.race([promise, late]);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What a frame, or the end of the connection, says of an expectation. */
function verdict(expected: Http2Expectation, found: ReadFrame | null): "met" | "failed" | "open" {
  const met = (isMet: boolean, otherwise: "failed" | "open" = "open") => (isMet ? "met" : otherwise);
  switch (expected.event) {
    case "closed":
      return met(found === null);
    case "connectionError":
      return met(found === null || isAny(goawayCode(found), expected.codes));
    case "streamError":
      return met(found === null || isAny(goawayCode(found) ?? resetCode(found), expected.codes));
    case "goaway":
      return found?.type === FRAME.goaway ? met(goawayCode(found) === expected.code, "failed") : "open";
    case "reset":
      return found?.type === FRAME.reset
        ? met(resetCode(found) === expected.code && found.stream === expected.stream, "failed")
        : "open";
    case "settings":
      return met(found?.type === FRAME.settings && found.flags === 0, "failed");
    case "settingsAck":
      return found?.type === FRAME.settings ? met(found.flags === 1, "failed") : "open";
    case "headers":
      return found?.type === FRAME.headers ? met(found.stream === expected.stream, "failed") : "open";
    case "data":
      return found?.type === FRAME.data
        ? met(expected.length === undefined || found.payload.length === expected.length, "failed")
        : "open";
    case "streamEnd":
      return met(endsStream(found));
    case "ping":
      return found === null
        ? met(expected.orClosed === true, "failed")
        : pingVerdict(found, expected.payload);
    case "nothing":
      if (found === null || found.type === FRAME.goaway || found.type === FRAME.reset) return "failed";
      return met(found.type === FRAME.ping && found.payload.equals(FENCE));
  }
}

function pingVerdict({ type, flags, payload }: ReadFrame, expected: Buffer): "met" | "failed" | "open" {
  if (type !== FRAME.ping) return "open";
  return flags === 1 && payload.equals(expected) ? "met" : "failed";
}

function endsStream(found: ReadFrame | null): boolean {
  if (found === null) return false;
  if (found.type === FRAME.reset) return resetCode(found) === "NO_ERROR";
  return (found.type === FRAME.data || found.type === FRAME.headers) && (found.flags & 1) !== 0;
}

const goawayCode = (found: ReadFrame | null): ErrorCode | null =>
  found?.type === FRAME.goaway ? (ERROR_CODES[found.payload.readUInt32BE(4)] ?? null) : null;

const resetCode = (found: ReadFrame | null): ErrorCode | null =>
  found?.type === FRAME.reset ? (ERROR_CODES[found.payload.readUInt32BE(0)] ?? null) : null;

const TYPES = Object.entries(FRAME).map(([name, type]) => ({ name, type }));

function frameText(found: ReadFrame): string {
  const name = TYPES.find(({ type }) => type === found.type)?.name ?? `type ${found.type}`;
  const code = goawayCode(found) ?? resetCode(found);
  return [name, code, `(${found.payload.length} bytes, flags ${found.flags}, stream ${found.stream})`]
    .filter((part) => part !== null)
    .join(" ");
}

function textOf({ event, ...rest }: Http2Expectation): string {
  const details = Object.values(rest).map(String);
  return details.length === 0 ? event : `${event} ${details.join(" ")}`;
}
