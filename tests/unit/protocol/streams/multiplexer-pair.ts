/** Two multiplexers that a test connects, and one whose peer the test plays frame by frame. */
import type { FairleadError } from "../../../../protocol/errors.ts";
import type { MemoryAccount } from "../../../../protocol/memory-budget.ts";
import { FrameDecoder } from "../../../../protocol/streams/frame-decoder.ts";
import { encodeHello, FRAME, type Hello } from "../../../../protocol/streams/frames.ts";
import { Multiplexer } from "../../../../protocol/streams/multiplexer.ts";
import type { Stream, StreamHandler } from "../../../../protocol/streams/stream.ts";

/** A seeded random source (mulberry32), so that a failing seed can be repeated. */
export function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

/** The byte at offset `at` of what a stream with this id sends. */
export const patternAt = (id: number, at: number): number => (id * 31 + at * 7 + (at >>> 8)) & 0xff;

/** The user of a stream: writes a pattern and checks the pattern that it reads. */
export class User implements StreamHandler {
  stream: Stream | null = null;
  acceptedByPeer = false;
  received = 0;
  consumed = 0;
  sent = 0;
  peerDone = false;
  finishedHere = false;
  writable = true;
  error: FairleadError | null = null;
  wrong = 0;

  peerAccepted(): void {
    this.acceptedByPeer = true;
  }
  data(bytes: Uint8Array): void {
    const id = this.stream?.id ?? 0;
    for (const byte of bytes) if (byte !== patternAt(id, this.received++)) this.wrong++;
  }
  peerFinished(): void {
    this.peerDone = true;
  }
  drained(): void {
    this.writable = true;
  }
  finished(): void {
    this.finishedHere = true;
  }
  reset(error: FairleadError): void {
    this.error = error;
  }

  send(size: number): void {
    const id = this.stream?.id ?? 0;
    const bytes = Uint8Array.from({ length: size }, (_, at) => patternAt(id, this.sent + at));
    this.sent += size;
    this.writable = this.stream?.write(bytes) ?? false;
  }
  consume(size: number): void {
    this.consumed += size;
    this.stream?.consumed(size);
  }
}

/** One multiplexer, with its output in `out` and a user for each stream. */
export class End {
  readonly out: Uint8Array[] = [];
  outBytes = 0;
  /** Bytes in `out` at which the layer below exerts backpressure. */
  limit = Number.POSITIVE_INFINITY;
  scheduled = false;
  readonly users: User[] = [];
  ready = false;
  over: FairleadError | null = null;
  goaway: FairleadError | null = null;
  busy: boolean[] = [];
  /** Handles a stream that the peer opened. */
  onOpened: (stream: Stream, user: User) => void = (stream) => stream.accept();
  /** Observes what is sent, before it is copied. */
  onSend: (chunks: readonly Uint8Array[]) => void = () => {};
  readonly multiplexer: Multiplexer;

  constructor(
    ids: "even" | "odd",
    options: {
      window?: number;
      maxStreams?: number;
      windowBudget?: number;
      features?: readonly string[];
      memory?: MemoryAccount;
      now?: () => number;
    } = {},
  ) {
    this.multiplexer = new Multiplexer({
      ids,
      software: "test",
      ...options,
      effects: {
        send: (chunks) => {
          this.onSend(chunks);
          for (const chunk of chunks) {
            // A copy, because buffers may be changed later.
            this.out.push(chunk.slice());
            this.outBytes += chunk.length;
          }
          return this.outBytes < this.limit;
        },
        schedule: () => {
          if (this.scheduled) throw new Error("scheduled twice");
          this.scheduled = true;
        },
      },
      events: {
        ready: () => {
          this.ready = true;
        },
        opened: (stream) => {
          const user = new User();
          user.stream = stream;
          this.users.push(user);
          this.onOpened(stream, user);
          return user;
        },
        busy: (busy) => this.busy.push(busy),
        goaway: (error) => {
          this.goaway = error;
        },
        ended: (error) => {
          this.over = error;
        },
      },
    });
  }

  open(service = "api"): User {
    const user = new User();
    user.stream = this.multiplexer.open({ service }, user);
    this.users.push(user);
    return user;
  }

  /** Ends a turn of the event loop. */
  turn(): void {
    if (!this.scheduled) return;
    this.scheduled = false;
    this.multiplexer.flush();
  }

  /** Takes the output. */
  take(): Uint8Array {
    const all = new Uint8Array(this.outBytes);
    let at = 0;
    for (const chunk of this.out.splice(0)) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.outBytes = 0;
    return all;
  }
}

/** Connects both ends until neither has anything to send. */
export function settle(left: End, right: End): void {
  for (let isSettled = false; !isSettled; ) {
    isSettled = true;
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      from.turn();
      if (from.outBytes === 0) continue;
      isSettled = false;
      to.multiplexer.receive(from.take());
      from.multiplexer.drained();
    }
  }
}

export interface SentFrame {
  type: number;
  stream: number;
  size: number;
  text: string;
}

/** Decodes the output of an end. */
export function framesOf(bytes: Uint8Array): SentFrame[] {
  const frames: SentFrame[] = [];
  const text = (payload: Uint8Array) => new TextDecoder().decode(payload);
  new FrameDecoder({
    frame: (type, stream, payload) =>
      frames.push({ type, stream, size: payload.length, text: text(payload) }),
    data: (stream, piece) => frames.push({ type: FRAME.data, stream, size: piece.length, text: "" }),
  }).push(bytes);
  return frames;
}

export const HELLO: Hello = {
  versions: { min: 1, max: 1 },
  window: 1000,
  maxStreams: 100,
  software: "scripted",
};

/** An end whose peer the test plays. Both HELLOs were exchanged, and the output is empty. */
export function connectedEnd(
  hello: Partial<Hello> = {},
  options: { window?: number; maxStreams?: number; features?: readonly string[] } = {},
): End {
  const end = new End("even", options);
  end.turn();
  end.multiplexer.receive(encodeHello({ ...HELLO, ...hello }));
  end.take();
  return end;
}
