/** Two Duplexes whose bytes wait between them until they are passed on. */
import { Duplex } from "node:stream";
import type { DirectDuplex } from "../../../connector/session/js-stream.ts";

type WriteDone = (error?: Error | null) => void;

/** One end of a pipe. What is written to it waits until {@link pass}. It takes and gives bytes as a carrier does. */
export class HeldEnd extends Duplex implements DirectDuplex {
  #other: HeldEnd | null = null;
  #held: Buffer[] = [];
  #reader: ((bytes: Buffer) => boolean) | null = null;
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
    for (const chunk of this.#held.splice(0)) other.#receive(chunk);
  }

  /** Takes what was written, in place of the other end. */
  takeHeld(): Buffer[] {
    return this.#held.splice(0);
  }

  readDirectly(reader: (bytes: Buffer) => boolean): void {
    while (this.read() !== null);
    this.#reader = reader;
    this.resume();
  }

  readOn(): void {}

  writeDirectly(chunks: readonly Buffer[], done: () => void): void {
    for (const chunk of chunks) this.#hold(chunk);
    done();
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

  #receive(chunk: Buffer): void {
    if (this.#reader === null) this.push(chunk);
    else this.#reader(chunk);
  }
}
