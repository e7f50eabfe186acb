/**
 * Which streams a session has, whose they are and which ids they get: the TLS server opens even ids, the client
 * odd ones, each rising and used once.
 */
import { FairleadError } from "../errors.ts";
import { MAX_STREAM_ID } from "./frames.ts";
import type { Stream } from "./stream.ts";

export class StreamTable {
  readonly #streams = new Map<number, Stream>();
  #nextId: number;
  #lastPeerId = 0;
  #ours = 0;
  #theirs = 0;
  /** The stream looked up last: frames of a stream come in rows. */
  #recent: Stream | undefined;

  constructor(ids: "even" | "odd") {
    this.#nextId = ids === "even" ? 2 : 1;
  }

  /** Streams open now, both sides'. */
  get size(): number {
    return this.#streams.size;
  }

  /** Places taken by streams that we opened. */
  get ours(): number {
    return this.#ours;
  }

  /** Places taken by streams that the peer opened. */
  get theirs(): number {
    return this.#theirs;
  }

  all(): Stream[] {
    return [...this.#streams.values()];
  }

  /** An id for a stream of ours; null when they are used up. */
  takeId(): number | null {
    if (this.#nextId > MAX_STREAM_ID) return null;
    const id = this.#nextId;
    this.#nextId += 2;
    return id;
  }

  /** Notes the id of the peer's OPEN. @throws FairleadError session.out_of_order */
  notePeerId(id: number): void {
    if (this.#isOurs(id) || id <= this.#lastPeerId) {
      throw new FairleadError("session.out_of_order", `OPEN of stream ${id} is not the peer's next`);
    }
    this.#lastPeerId = id;
  }

  add(stream: Stream): void {
    this.#streams.set(stream.id, stream);
    if (stream.ours) this.#ours++;
    else this.#theirs++;
  }

  /** False when it was not there. */
  remove(stream: Stream): boolean {
    if (this.#recent === stream) this.#recent = undefined;
    return this.#streams.delete(stream.id);
  }

  /**
   * Gives the stream's place free. A stream reset here keeps its place until the RESET went out, so that a
   * peer that opens and never reads cannot pile up RESETs.
   */
  release(stream: Stream): void {
    if (stream.ours) this.#ours--;
    else this.#theirs--;
  }

  clear(): void {
    this.#streams.clear();
    this.#recent = undefined;
  }

  /**
   * The stream of a frame; null when it has ended, so that the frame is ignored.
   * @throws FairleadError session.out_of_order when it was never opened.
   */
  of(id: number, frame: string): Stream | null {
    if (this.#recent !== undefined && this.#recent.id === id) return this.#recent;
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      this.#recent = stream;
      return stream;
    }
    if (this.#isOurs(id) ? id < this.#nextId : id <= this.#lastPeerId) return null;
    throw new FairleadError("session.out_of_order", `${frame} on stream ${id}, which was never opened`);
  }

  #isOurs(id: number): boolean {
    return id % 2 === this.#nextId % 2;
  }
}
