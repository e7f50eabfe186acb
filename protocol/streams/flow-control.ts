/**
 * Credit of the streams of one session. The sender's side counts what it may send; the receiver's side decides
 * how much that is: a window for each stream that follows the bandwidth-delay product of the path.
 *
 * How a window is found. A stream starts with the session's initial window. What its reader has consumed is
 * granted again, a quarter of the window at a time. Whenever a whole window was consumed, the time that took is
 * compared with the round trip: within {@link GROW_ROUND_TRIPS} of them, the sender may have waited for credit
 * more than for anything else, and the window doubles, up to {@link MAX_WINDOW}. So it ends between two and four
 * times what the path holds. A reader slower than the path takes longer for each window and never gets a larger
 * one than it can use. A window that took longer than {@link IDLE_MS} falls back to the initial one.
 *
 * The round trip needs no frame of its own. After each grant the receiver knows at which byte the sender would
 * have had to stop without it. When what arrived ends exactly there, the sender did stop, and the first byte
 * behind tells that the grant has been there and back. Waiting in queues makes such a sample too long, so the
 * shortest since the path began counts, and the session may add what the carrier measured. Below
 * {@link LEAST_ROUND_TRIP_MS} it is the turns of two event loops that count, not the path.
 *
 * What it may cost. What a stream's sender may still send and what its reader holds unread never add up to more
 * than the largest window the stream has had, and what all windows of a session have above the initial one never
 * to more than {@link SESSION_WINDOW}. Credit that was granted cannot be taken back, so a window that shrinks
 * gives its part of that back as data comes in. When there is not enough, large windows shrink to an equal share.
 * What readers hold counts as memory of the peer's site (memory.ts): while that is scarce, no window grows, and no more
 * is granted than {@link LEAST_WINDOW} each.
 */
import { FairleadError } from "../errors.ts";
import { LEAST_WINDOW } from "../memory-budget.ts";
import { MAX_CREDIT } from "./frames.ts";
import type { SessionWindow } from "./session-window.ts";

export { DEFAULT_WINDOW, MAX_WINDOW, SESSION_WINDOW, SessionWindow } from "./session-window.ts";

/** A window consumed within this many round trips doubles. */
export const GROW_ROUND_TRIPS = 2;
/** A window that is not consumed within this time falls back to the initial one, in ms. */
export const IDLE_MS = 10_000;

/** From so much on, a grant is worth a frame: half a window while it is small, then a quarter. */
const GRANT_BYTES = 128 * 1024;

/** The sender's side: how much may be sent. */
export class SendCredit {
  #available = 0;

  get available(): number {
    return this.#available;
  }

  /** @throws FairleadError session.credit when the peer grants more than the format can count. */
  grant(bytes: number): void {
    if (this.#available + bytes > MAX_CREDIT) {
      throw new FairleadError("session.credit", `the peer granted more than ${MAX_CREDIT} bytes`);
    }
    this.#available += bytes;
  }

  spend(bytes: number): void {
    if (bytes > this.#available) throw new RangeError("more is sent than there is credit for");
    this.#available -= bytes;
  }
}

/** The receiver's side of one stream: how much the peer may send, and when to grant more. */
export class ReceiveWindow {
  readonly #session: SessionWindow;
  /** What `granted` and `held` shall add up to. */
  #size: number;
  /** Taken from the session's budget: `granted` and `held` never exceed the initial window and this. */
  #reserved = 0;
  /** The window has shrunk, and what it had is not all given back. */
  #shrinking = false;
  /** Bytes that the peer may send. */
  #granted: number;
  #held = 0;
  #dropped = false;
  /** Bytes consumed since `#since`; -1 until the first byte comes. */
  #consumed = 0;
  #since = -1;
  /** When the grant went out whose effect is waited for, -1 if none is; and the bytes until it is needed. */
  #grantedAt = -1;
  #untilNeeded = 0;

  constructor(session: SessionWindow) {
    this.#session = session;
    this.#size = session.initial;
    this.#granted = session.initial;
  }

  /** The window as it is now, in bytes. */
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

  /** @throws FairleadError session.credit when the peer sent more than it was granted. */
  receive(bytes: number): void {
    if (bytes > this.#granted) {
      throw new FairleadError("session.credit", `${bytes - this.#granted} bytes came beyond the credit`);
    }
    this.#granted -= bytes;
    this.#held += bytes;
    this.#session.memory.add(bytes);
    if (this.#grantedAt >= 0) this.#watch(bytes);
    else if (this.#since < 0) this.#since = this.#session.now();
  }

  /** Notes that the reader took `bytes`; true when enough has come together to grant it to the peer. */
  consume(bytes: number): boolean {
    if (this.#dropped) return false;
    if (bytes > this.#held) throw new RangeError("more is consumed than was received");
    this.#held -= bytes;
    this.#session.memory.add(-bytes);
    this.#consumed += bytes;
    if (this.#shrinking) this.#giveBack();
    const size = this.#allowed;
    // Early enough that the grant is at the sender before it runs dry; grants stay few.
    return size - this.#granted - this.#held >= Math.max(size / 4, Math.min(size / 2, GRANT_BYTES));
  }

  /** Takes what is to be granted now; 0 when the window has shrunk meanwhile. */
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

  /** Nothing more will come; what is held stays until it is consumed. */
  finished(): void {
    this.#granted = 0;
    this.#size = 0;
    this.#giveBack();
  }

  /** Nothing more will come, and what is held is dropped. */
  abandoned(): void {
    this.#session.memory.add(-this.#held);
    this.#held = 0;
    this.#dropped = true;
    this.finished();
  }

  /** What `granted` and `held` may add up to now: little while the peer's site fills the memory that it may. */
  get #allowed(): number {
    return this.#session.memory.tight ? Math.min(this.#size, LEAST_WINDOW) : this.#size;
  }

  /** Looks for the first byte that needed the last grant. */
  #watch(bytes: number): void {
    // Exactly there ended what came before: the sender had run dry.
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
    if (this.#size < before) this.#giveBack();
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

  /** Gives back what neither the window nor what it granted and holds still needs. */
  #giveBack(): void {
    const needed = Math.max(this.#size, this.#granted + this.#held) - this.#session.initial;
    const spare = this.#reserved - Math.max(0, needed);
    if (spare > 0) {
      this.#reserved -= spare;
      this.#session.release(spare, this.#reserved);
    }
    this.#shrinking = this.#reserved > Math.max(0, this.#size - this.#session.initial);
  }
}
