/**
 * The timeout of uplinks that never say hello. The timers are in memory: nearly every uplink says hello at
 * once, and an alarm would cost a write and a wake-up. A pending timer keeps the object awake for at most
 * {@link HELLO_MS}. A restarted object starts the timers again.
 */
import { FairleadError } from "../../../protocol/errors.ts";
import { HELLO_MS } from "../policy/uplinks.ts";
import { isEstablished, readAttachment } from "./attachment.ts";
import type { Uplink } from "./uplinks.ts";

export class HelloTimeout {
  readonly #timers = new Map<WebSocket, ReturnType<typeof setTimeout>>();
  readonly #close: (uplink: Uplink, error: FairleadError) => void;

  /** @param close closes an uplink with `uplink.silent` */
  constructor(close: (uplink: Uplink, error: FairleadError) => void) {
    this.#close = close;
  }

  /** Starts the timeout of an uplink, counted from its upgrade. Does nothing once the hello was accepted. */
  start({ socket, attachment }: Uplink, now: number): void {
    if (isEstablished(attachment)) return;
    const left = Math.max(0, attachment.openedAt + HELLO_MS - now);
    this.#timers.set(
      socket,
      setTimeout(() => this.#expire(socket), left),
    );
  }

  /**
   * Cancels the timeout unless the socket is open and still waits for its hello. Call this after a message or
   * a close.
   */
  cancelUnlessWaiting(socket: WebSocket): void {
    const attachment = readAttachment(socket);
    if (attachment && !attachment.ended && !isEstablished(attachment) && socket.readyState === WebSocket.OPEN)
      return;
    clearTimeout(this.#timers.get(socket) ?? null);
    this.#timers.delete(socket);
  }

  #expire(socket: WebSocket): void {
    this.#timers.delete(socket);
    const attachment = readAttachment(socket);
    if (!attachment || attachment.ended || isEstablished(attachment)) return;
    this.#close({ socket, attachment }, new FairleadError("uplink.silent"));
  }
}
