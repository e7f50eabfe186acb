/**
 * Ends uplinks that never say hello. With timers of the object's memory, not its alarm: nearly every uplink says
 * hello at once, and none of those should cost a write or a wake-up later. A pending timer keeps the object awake,
 * but for ten seconds at most; an object that starts anew sets them again.
 */
import { FairleadError } from "../../../protocol/errors.ts";
import { HELLO_MS } from "../policy/uplinks.ts";
import { isEstablished, readAttachment } from "./attachment.ts";
import type { Uplink } from "./uplinks.ts";

export class HelloTimeout {
  readonly #timers = new Map<WebSocket, ReturnType<typeof setTimeout>>();
  readonly #close: (uplink: Uplink, error: FairleadError) => void;

  /** @param close ends an uplink with `uplink.silent` */
  constructor(close: (uplink: Uplink, error: FairleadError) => void) {
    this.#close = close;
  }

  /** Gives an uplink its time, counted from when it was opened; one that was greeted needs none. */
  start({ socket, attachment }: Uplink, now: number): void {
    if (isEstablished(attachment)) return;
    const left = Math.max(0, attachment.openedAt + HELLO_MS - now);
    this.#timers.set(
      socket,
      setTimeout(() => this.#expire(socket), left),
    );
  }

  /** To be called when something came over a socket, or it closed. */
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
