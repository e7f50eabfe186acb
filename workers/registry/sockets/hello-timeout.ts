/**
 * Ends uplinks that never say hello. With timers of the object's memory, not its alarm: nearly every uplink says
 * hello at once, and none of those should cost a write or a wake-up later. A pending timer keeps the object awake,
 * but for ten seconds at most; an object that starts anew sets them again.
 */
import { FairleadError } from "../../../protocol/errors.ts";
import { HELLO_MS } from "../policy/uplinks.ts";
import { readAttachment } from "./attachment.ts";
import type { Uplink } from "./uplinks.ts";

export class Silence {
  readonly #timers = new Map<WebSocket, ReturnType<typeof setTimeout>>();
  readonly #expel: (uplink: Uplink, error: FairleadError) => void;

  /** @param expel ends an uplink with `uplink.silent` */
  constructor(expel: (uplink: Uplink, error: FairleadError) => void) {
    this.#expel = expel;
  }

  /** Gives an uplink its time, counted from when it was opened; one that was greeted needs none. */
  watch({ socket, attachment }: Uplink, now: number): void {
    if (attachment.software !== null) return;
    const left = Math.max(0, attachment.openedAt + HELLO_MS - now);
    this.#timers.set(
      socket,
      setTimeout(() => this.#expire(socket), left),
    );
  }

  /** To be called when something came over a socket, or it closed. */
  look(socket: WebSocket): void {
    const attachment = readAttachment(socket);
    if (
      attachment &&
      !attachment.ended &&
      attachment.software === null &&
      socket.readyState === WebSocket.OPEN
    )
      return;
    clearTimeout(this.#timers.get(socket) ?? null);
    this.#timers.delete(socket);
  }

  #expire(socket: WebSocket): void {
    this.#timers.delete(socket);
    const attachment = readAttachment(socket);
    if (!attachment || attachment.ended || attachment.software !== null) return;
    this.#expel({ socket, attachment }, new FairleadError("uplink.silent"));
  }
}
