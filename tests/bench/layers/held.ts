/** What a stack ends at: bytes that wait there, so that one half of a path can run without the other. */

/** One direction of a boundary. */
export interface Held {
  /** Bytes that have arrived at the boundary since it was made. */
  readonly sent: number;
  /** Passes on what waits. */
  pass(): void;
}

/** Bytes held for a function. */
export class HeldBytes implements Held {
  readonly #deliver: (chunk: Buffer) => void;
  #held: Buffer[] = [];
  sent = 0;

  constructor(deliver: (chunk: Buffer) => void) {
    this.#deliver = deliver;
  }

  take(chunk: Buffer): void {
    this.#held.push(chunk);
    this.sent += chunk.length;
  }

  pass(): void {
    if (this.#held.length === 0) return;
    for (const chunk of this.#held.splice(0)) this.#deliver(chunk);
  }
}
