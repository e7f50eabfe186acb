/** The uplinks of a network: hibernating WebSockets of its connectors. */
import { type ErrorCode, FairleadError, toErrorBody } from "../../../protocol/errors.ts";
import type { InstanceId } from "../../../protocol/instance-id.ts";
import { KEEPALIVE, type RegistryMessage } from "../../../protocol/uplink/messages.ts";
import { closeSocketFor } from "../../close-socket.ts";
import { ClockStepGuard } from "../policy/clock-step-guard.ts";
import { isUplinkAlive, MAX_UNSENT } from "../policy/uplinks.ts";
import { type Attachment, isEstablished, readAttachment, tagOf, writeAttachment } from "./attachment.ts";

export interface Uplink {
  readonly socket: WebSocket;
  readonly attachment: Attachment;
}

export class Uplinks {
  readonly #ctx: DurableObjectState;
  readonly #stalled: (uplink: Uplink) => void;
  readonly #changed: (site: string) => void;
  readonly #lastHeard = new ClockStepGuard<WebSocket>();

  /**
   * @param stalled receives an uplink that was closed because its connector does not read
   * @param changed receives the site of an uplink that changed
   */
  constructor(
    ctx: DurableObjectState,
    stalled: (uplink: Uplink) => void,
    changed: (site: string) => void = () => undefined,
  ) {
    this.#ctx = ctx;
    this.#stalled = stalled;
    this.#changed = changed;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(KEEPALIVE.ping, KEEPALIVE.pong));
  }

  /** Accepts a new socket, which waits for its hello. Returns the client's end as `answer`. */
  accept(attachment: Attachment): { answer: WebSocket; uplink: Uplink } {
    const pair = new WebSocketPair();
    const { site, boot } = attachment;
    this.#ctx.acceptWebSocket(pair[1], [tagOf.site(site), tagOf.boot(boot), tagOf.instance(attachment)]);
    writeAttachment(pair[1], attachment);
    return { answer: pair[0], uplink: { socket: pair[1], attachment } };
  }

  /** Stores what is known of an uplink. */
  update(socket: WebSocket, attachment: Attachment): void {
    writeAttachment(socket, attachment);
    this.#changed(attachment.site);
  }

  #open(tag?: string): Uplink[] {
    const uplinks: Uplink[] = [];
    for (const socket of this.#ctx.getWebSockets(tag)) {
      const attachment = readAttachment(socket);
      const open = socket.readyState === WebSocket.OPEN;
      if (attachment && !attachment.ended && open) uplinks.push({ socket, attachment });
    }
    return uplinks;
  }

  /** All open uplinks, established or not. */
  all(): Uplink[] {
    return this.#open();
  }

  /** Uplinks whose hello was accepted. */
  established(): Uplink[] {
    return this.#open().filter((uplink) => isEstablished(uplink.attachment));
  }

  /** Number of a site's sockets, including sockets that the registry closed and the connector did not. */
  countSockets(site: string): number {
    return this.#ctx.getWebSockets(tagOf.site(site)).length;
  }

  ofSite(site: string): Uplink[] {
    return this.#open(tagOf.site(site));
  }

  /** Established uplinks of other sites that use the boot id of this instance. */
  sharingBoot({ site, boot }: InstanceId): Uplink[] {
    return this.#open(tagOf.boot(boot)).filter(
      ({ attachment }) => attachment.site !== site && isEstablished(attachment),
    );
  }

  ofInstance(instance: InstanceId): Uplink[] {
    return this.#open(tagOf.instance(instance));
  }

  /** The established uplink of an instance. During a replacement, the newer one. */
  newestOf(instance: InstanceId): Uplink | null {
    return (
      this.ofInstance(instance)
        .filter((uplink) => isEstablished(uplink.attachment))
        .sort((left, right) => right.attachment.counter - left.attachment.counter)[0] ?? null
    );
  }

  /** Whether an uplink was heard from recently. Evaluated on demand, so that an idle network sleeps. */
  isAlive(uplink: Uplink, now: number): boolean {
    return isUplinkAlive(this.heardAt(uplink, now), now);
  }

  /** When an uplink was last heard from, ms since 1970: opened, or its last keep-alive. */
  heardAt(uplink: Uplink, now: number): number {
    const lastPing = this.#ctx.getWebSocketAutoResponseTimestamp(uplink.socket)?.getTime() ?? null;
    const heardAt = Math.max(uplink.attachment.openedAt, lastPing ?? 0);
    return this.#lastHeard.past(uplink.socket, heardAt, now);
  }

  /**
   * Queues a message. Closes the uplink if its queue is too long, since all uplinks share the object's
   * memory.
   */
  send(uplink: Uplink, message: RegistryMessage): void {
    const { socket } = uplink;
    try {
      socket.send(JSON.stringify(message));
    } catch {
      // The socket closed meanwhile. Its close event handles the rest.
    }
    if (socket.bufferedAmount <= MAX_UNSENT || readAttachment(socket)?.ended !== false) return;
    this.close(socket, "uplink.lost");
    this.#stalled(uplink);
  }

  /** Sends an error, then closes the uplink. */
  refuse(uplink: Uplink, code: ErrorCode, message?: string): void {
    const error = new FairleadError(code, message);
    this.send(uplink, { type: "error", error: toErrorBody(error) });
    this.close(uplink.socket, code);
  }

  /** Ignores further messages of a socket, which no longer counts as an uplink. */
  markEnded(socket: WebSocket): void {
    const attachment = readAttachment(socket);
    if (attachment) this.update(socket, { ...attachment, ended: true });
  }

  close(socket: WebSocket, code: ErrorCode): void {
    this.markEnded(socket);
    closeSocketFor(socket, code);
  }
}
