/**
 * Flow control of streams (docs/protocol.md, "Credit"). The sender counts its credit. The receiver grants
 * credit from a window for each stream, which follows the BDP of the path.
 *
 * Growth. A stream starts with the session's initial window. Consumed bytes are granted again, a quarter of
 * the window at a time. A window that was consumed within {@link GROW_ROUND_TRIPS} round trips doubles, up to
 * {@link MAX_WINDOW}: the sender may have waited mostly for credit. So a window ends between two and four
 * times the BDP. A reader that is slower than the path takes longer for each window, and its window stays. A
 * window that was not consumed within {@link IDLE_MS} falls back to the initial one.
 *
 * Round trip. It needs no frame of its own. After each grant, the receiver knows the byte at which the sender
 * would have stopped without the grant. If the received bytes end exactly there, the sender did stop, and the
 * next byte arrives a round trip after the grant. Queues lengthen such samples, so the shortest counts. The
 * session may add samples of the carrier.
 *
 * Cost. The credit of a stream's sender and the unread bytes never exceed the largest window that the stream
 * has had. The windows of a session never exceed their initial sizes by more than {@link SESSION_WINDOW}
 * together; when that is short, large windows shrink to equal shares. Granted credit cannot be taken back, so
 * a window shrinks as bytes arrive. Unread bytes count as memory of the peer's site
 * (protocol/memory-budget.ts). While that is scarce, no window grows, and each stream is granted
 * {@link LEAST_WINDOW} at most.
 */
import { FairleadError } from "../errors.ts";
import { LEAST_WINDOW } from "../memory-budget.ts";
import { MAX_CREDIT } from "./frames.ts";
import type { SessionWindow } from "./session-window.ts";

export { DEFAULT_WINDOW, MAX_WINDOW, SESSION_WINDOW, SessionWindow } from "./session-window.ts";

/** A window consumed within this many round trips doubles. */
export const GROW_ROUND_TRIPS = 2;
/** A window that is not consumed within this time falls back to the initial one, ms. */
export const IDLE_MS = 10_000;

/**
 * A grant of this size is worth a frame, bytes. Small windows grant half of themselves, large ones a quarter.
 */
const GRANT_BYTES = 128 * 1024;

/** The sender's side of a stream: the bytes that it may send. */
export class SendCredit {
  #available = 0;

  /** Bytes that may be sent now. */
  get available(): number {
    return this.#available;
  }

  /** @throws FairleadError session.credit when the peer grants more than the format can count. */
  grant(bytes: number): void {
    if (this.#available + bytes > MAX_CREDIT) {
      throw new FairleadError("session.credit", `The peer granted more than ${MAX_CREDIT} bytes.`);
    }
    this.#available += bytes;
  }

  /** Uses credit. @throws RangeError when there is less */
  spend(bytes: number): void {
    if (bytes > this.#available) throw new RangeError("sending needs credit");
    this.#available -= bytes;
  }
}

/** The receiver's side of a stream: the bytes that the peer may send, and when to grant more. */
export class ReceiveWindow {
  readonly #session: SessionWindow;
  /** The sum that `granted` and `held` approach. */
  #size: number;
  /** Part of the session's budget. `granted` and `held` never exceed the initial window by more than this. */
  #reserved = 0;
  /** The window has shrunk and has not returned all of its part yet. */
  #shrinking = false;
  /** Bytes that the peer may still send. */
  #granted: number;
  #held = 0;
  #isAbandoned = false;
  /** Bytes consumed since `#since`; -1 until the first byte comes. */
  #consumed = 0;
  #since = -1;
  /**
   * When the observed grant was sent, ms; -1 while none is observed. And the bytes until the sender needs it.
   */
  #grantedAt = -1;
  #untilNeeded = 0;

  constructor(session: SessionWindow) {
    this.#session = session;
    this.#size = session.initial;
    this.#granted = session.initial;
  }

  /** The present window, bytes. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that the peer may still send. */
  get granted(): number {
    return this.#granted;
  }

  /** Bytes received that the reader has not consumed. */
  get held(): number {
    return this.#held;
  }

  /**
   * Takes received bytes.
   * @throws FairleadError session.credit when the peer sent more than it was granted.
   */
  receive(bytes: number): void {
    if (bytes > this.#granted) {
      throw new FairleadError(
        "session.credit",
        `The peer sent ${bytes - this.#granted} bytes beyond its credit.`,
      );
    }
    this.#granted -= bytes;
    this.#held += bytes;
    this.#session.memory.add(bytes);
    if (this.#grantedAt >= 0) this.#observeGrant(bytes);
    else if (this.#since < 0) this.#since = this.#session.now();
  }

  /** Notes that the reader consumed `bytes`. Returns whether enough was consumed for a grant. */
  consume(bytes: number): boolean {
    if (this.#isAbandoned) return false;
    if (bytes > this.#held) throw new RangeError("consumed more than was received");
    this.#held -= bytes;
    this.#session.memory.add(-bytes);
    this.#consumed += bytes;
    if (this.#shrinking) this.#returnBudget();
    const size = this.#allowed;
    // Early enough to reach the sender before its credit ends, and rare enough to cost little.
    return size - this.#granted - this.#held >= Math.max(size / 4, Math.min(size / 2, GRANT_BYTES));
  }

  /** Grants what is due, and returns its size, bytes; 0 when the window has shrunk meanwhile. */
  takeGrant(): number {
    const now = this.#session.now();
    this.#adapt(now);
    const bytes = this.#allowed - this.#granted - this.#held;
    if (bytes <= 0) return 0;
    if (this.#grantedAt < 0) {
      this.#grantedAt = now;
      this.#untilNeeded = this.#granted;
    }
    this.#granted += bytes;
    return bytes;
  }

  /** The peer sends no more. Held bytes stay until they are consumed. */
  finished(): void {
    this.#granted = 0;
    this.#size = 0;
    this.#returnBudget();
  }

  /** The peer sends no more, and held bytes are dropped. */
  abandoned(): void {
    this.#session.memory.add(-this.#held);
    this.#held = 0;
    this.#isAbandoned = true;
    this.finished();
  }

  /**
   * The most that `granted` and `held` may add up to now: little while the memory of the peer's site is
   * scarce.
   */
  get #allowed(): number {
    return this.#session.memory.tight ? Math.min(this.#size, LEAST_WINDOW) : this.#size;
  }

  /** Takes a round trip when the first byte arrives that needed the observed grant. */
  #observeGrant(bytes: number): void {
    // The bytes before ended exactly there, so the sender had run out of credit.
    if (this.#untilNeeded === 0) this.#session.noteRoundTrip(this.#session.now() - this.#grantedAt);
    this.#untilNeeded -= bytes;
    if (this.#untilNeeded < 0) this.#grantedAt = -1;
  }

  #adapt(now: number): void {
    const session = this.#session;
    const took = now - this.#since;
    const before = this.#size;
    if (took > IDLE_MS) this.#size = session.initial;
    else if (this.#consumed < before) return;
    else if (took <= GROW_ROUND_TRIPS * session.roundTrip) this.#grow();
    if (this.#size > session.initial) this.#size = Math.min(this.#size, session.share);
    if (this.#size < before) this.#returnBudget();
    this.#since = now;
    this.#consumed = 0;
  }

  #grow(): void {
    const session = this.#session;
    const wanted = Math.min(2 * this.#size, session.largest);
    const missing = wanted - session.initial - this.#reserved;
    if (missing > 0) this.#reserved += session.reserve(missing, this.#reserved);
    this.#size = Math.min(wanted, session.initial + this.#reserved);
  }

  /** Returns the part of the budget that neither the window nor granted and held bytes need. */
  #returnBudget(): void {
    const needed = Math.max(this.#size, this.#granted + this.#held) - this.#session.initial;
    const spare = this.#reserved - Math.max(0, needed);
    if (spare > 0) {
      this.#reserved -= spare;
      this.#session.release(spare, this.#reserved);
    }
    this.#shrinking = this.#reserved > Math.max(0, this.#size - this.#session.initial);
  }
}
