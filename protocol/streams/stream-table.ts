/**
 * The streams of a session, by id (docs/protocol.md, "Frames").
 *
 * The TLS server opens even ids, the client odd ones, each rising and used once.
 */
import { FairleadError } from "../errors.ts";
import { MAX_STREAM_ID } from "./frames.ts";
import type { Stream } from "./stream.ts";

/** The streams of one session. */
export class StreamTable {
  readonly #streams = new Map<number, Stream>();
  #nextId: number;
  #lastPeerId = 0;
  #ours = 0;
  #theirs = 0;
  /** The stream that was looked up last: frames of one stream often follow each other. */
  #recent: Stream | undefined;

  constructor(ids: "even" | "odd") {
    this.#nextId = ids === "even" ? 2 : 1;
  }

  /** Streams open now, of both sides. */
  get size(): number {
    return this.#streams.size;
  }

  /** Places taken by streams that this side opened. */
  get ours(): number {
    return this.#ours;
  }

  /** Places taken by streams that the peer opened. */
  get theirs(): number {
    return this.#theirs;
  }

  /** Every stream, in an array of its own. */
  all(): Stream[] {
    return [...this.#streams.values()];
  }

  /** Takes an id for a stream of this side; null when all ids are used up. */
  takeId(): number | null {
    if (this.#nextId > MAX_STREAM_ID) return null;
    const id = this.#nextId;
    this.#nextId += 2;
    return id;
  }

  /** Checks and notes the id of the peer's OPEN. @throws FairleadError session.out_of_order */
  notePeerId(id: number): void {
    if (this.#isOurs(id) || id <= this.#lastPeerId) {
      throw new FairleadError(
        "session.out_of_order",
        `OPEN of stream ${id} does not have a higher id of the peer.`,
      );
    }
    this.#lastPeerId = id;
  }

  /** Adds a stream, which takes a place of its side. */
  add(stream: Stream): void {
    this.#streams.set(stream.id, stream);
    if (stream.ours) this.#ours++;
    else this.#theirs++;
  }

  /** Removes a stream. Returns false when the table does not have it. */
  remove(stream: Stream): boolean {
    if (this.#recent === stream) this.#recent = undefined;
    return this.#streams.delete(stream.id);
  }

  /**
   * Frees the place of a stream. A stream that this side reset keeps its place until the RESET is sent, so a
   * peer that opens streams and never reads cannot pile up RESETs.
   */
  release(stream: Stream): void {
    if (stream.ours) this.#ours--;
    else this.#theirs--;
  }

  /** Removes every stream. */
  clear(): void {
    this.#streams.clear();
    this.#recent = undefined;
  }

  /**
   * The stream of a frame; null when the stream has ended, so that the frame is ignored.
   * @throws FairleadError session.out_of_order when the stream was never opened.
   */
  find(id: number, frame: string): Stream | null {
    if (this.#recent !== undefined && this.#recent.id === id) return this.#recent;
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      this.#recent = stream;
      return stream;
    }
    if (this.#isOurs(id) ? id < this.#nextId : id <= this.#lastPeerId) return null;
    throw new FairleadError("session.out_of_order", `${frame} on stream ${id}, which was never opened.`);
  }

  #isOurs(id: number): boolean {
    return id % 2 === this.#nextId % 2;
  }
}
