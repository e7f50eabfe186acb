/**
 * Credit of one stream in one direction. The receiver's window is constant in this version: what it has
 * granted and not yet received, what it holds unread, and what was read but not granted again always add up
 * to the window. So a reader that stalls holds at most one window in memory.
 */
import { FairleadError } from "../errors.ts";
import { MAX_CREDIT } from "./frames.ts";

/** Window of each stream, in bytes, unless the session is told otherwise. */
export const DEFAULT_WINDOW = 1024 * 1024;

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

/** The receiver's side: how much the peer may send, and when to grant more. */
export class ReceiveWindow {
  readonly #size: number;
  #granted: number;
  #consumed = 0;

  constructor(size: number) {
    this.#size = size;
    this.#granted = size;
  }

  /** Bytes received that the reader has not consumed. */
  get held(): number {
    return this.#size - this.#granted - this.#consumed;
  }

  /** @throws FairleadError session.credit when the peer sent more than it was granted. */
  receive(bytes: number): void {
    if (bytes > this.#granted) {
      throw new FairleadError("session.credit", `${bytes - this.#granted} bytes came beyond the credit`);
    }
    this.#granted -= bytes;
  }

  /** Notes that the reader took `bytes`; true when enough has come together to grant it to the peer. */
  consume(bytes: number): boolean {
    if (bytes > this.held) throw new RangeError("more is consumed than was received");
    this.#consumed += bytes;
    // Half a window: the grant is back at the sender before it runs dry, and grants stay few.
    return this.#consumed >= this.#size / 2;
  }

  /** Takes what is to be granted now. */
  takeGrant(): number {
    const bytes = this.#consumed;
    this.#granted += bytes;
    this.#consumed = 0;
    return bytes;
  }
}
