/** Two lanes without a network, whose messages wait between them until they are passed on. */
import type { Lane, LaneEvents } from "../../../protocol/carrier/index.ts";

type Message = string | readonly Uint8Array[];

/** One end of a lane. What is sent on it waits until {@link pass}. */
export class HeldLane implements Lane {
  readonly #events: LaneEvents;
  #held: Message[] = [];
  #other: HeldLane | null = null;
  /** Bytes sent since it was made. */
  sent = 0;

  constructor(events: LaneEvents) {
    this.#events = events;
    queueMicrotask(() => events.opened());
  }

  static join(left: HeldLane, right: HeldLane): void {
    left.#other = right;
    right.#other = left;
  }

  /** Gives the messages to the other end. */
  pass(): void {
    const other = this.#other;
    if (this.#held.length === 0 || other === null) return;
    for (const message of this.#held.splice(0)) other.#receive(message);
  }

  sendText(text: string): void {
    this.#held.push(text);
  }

  send(pieces: readonly Uint8Array[]): boolean {
    this.#held.push(pieces);
    for (const piece of pieces) this.sent += piece.length;
    return true;
  }

  pause(): void {}
  resume(): void {}
  close(): void {}
  terminate(): void {}

  #receive(message: Message): void {
    if (typeof message === "string") this.#events.text(message);
    else this.#events.bytes(Buffer.concat(message));
  }
}
