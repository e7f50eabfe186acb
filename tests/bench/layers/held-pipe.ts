/** Two Duplexes whose bytes wait between them until they are passed on. */
import { Duplex } from "node:stream";

type WriteDone = (error?: Error | null) => void;

/** One end of a pipe. What is written to it waits until {@link pass}. */
export class HeldEnd extends Duplex {
  #other: HeldEnd | null = null;
  #held: Buffer[] = [];
  /** Bytes written since it was made. */
  sent = 0;

  constructor() {
    super({ allowHalfOpen: true, readableHighWaterMark: 256 * 1024 });
    this.on("error", () => {});
  }

  static pair(): [HeldEnd, HeldEnd] {
    const [left, right] = [new HeldEnd(), new HeldEnd()];
    left.#other = right;
    right.#other = left;
    return [left, right];
  }

  /** Gives what was written to the other end. */
  pass(): void {
    const other = this.#other;
    if (this.#held.length === 0 || other === null) return;
    for (const chunk of this.#held.splice(0)) other.push(chunk);
  }

  /** Takes what was written, in place of the other end. */
  takeHeld(): Buffer[] {
    return this.#held.splice(0);
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    this.#hold(chunk);
    done();
  }

  override _writev(chunks: { chunk: Buffer }[], done: WriteDone): void {
    for (const { chunk } of chunks) this.#hold(chunk);
    done();
  }

  override _final(done: WriteDone): void {
    done();
  }

  #hold(chunk: Buffer): void {
    this.#held.push(chunk);
    this.sent += chunk.length;
  }
}
