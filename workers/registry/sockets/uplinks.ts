/** The uplinks: hibernating WebSockets of the connectors, and what they say about who is there. */
import { type ErrorCode, FairleadError, toErrorBody } from "../../../protocol/errors.ts";
import type { InstanceId } from "../../../protocol/instance-id.ts";
import { closeCodeFor, KEEPALIVE, type RegistryMessage } from "../../../protocol/uplink/messages.ts";
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
  readonly #lastHeard = new ClockStepGuard<WebSocket>();

  /** @param stalled told of an uplink that was closed because its connector does not read */
  constructor(ctx: DurableObjectState, stalled: (uplink: Uplink) => void) {
    this.#ctx = ctx;
    this.#stalled = stalled;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(KEEPALIVE.ping, KEEPALIVE.pong));
  }

  /** Takes a new socket in, silent and unknown until its hello; `answer` is the client's end. */
  accept(attachment: Attachment): { answer: WebSocket; uplink: Uplink } {
    const pair = new WebSocketPair();
    const { site, boot } = attachment;
    this.#ctx.acceptWebSocket(pair[1], [tagOf.site(site), tagOf.boot(boot), tagOf.instance(attachment)]);
    writeAttachment(pair[1], attachment);
    return { answer: pair[0], uplink: { socket: pair[1], attachment } };
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

  /** Every socket, established or not. */
  all(): Uplink[] {
    return this.#open();
  }

  /** Uplinks that said hello. */
  established(): Uplink[] {
    return this.#open().filter((uplink) => isEstablished(uplink.attachment));
  }

  /** How many sockets a site has, those included that were closed here and not by the other side. */
  countSockets(site: string): number {
    return this.#ctx.getWebSockets(tagOf.site(site)).length;
  }

  ofSite(site: string): Uplink[] {
    return this.#open(tagOf.site(site));
  }

  /** Greeted uplinks of other sites that use the boot id of this instance. */
  sharingBoot({ site, boot }: InstanceId): Uplink[] {
    return this.#open(tagOf.boot(boot)).filter(
      ({ attachment }) => attachment.site !== site && isEstablished(attachment),
    );
  }

  ofInstance(instance: InstanceId): Uplink[] {
    return this.#open(tagOf.instance(instance));
  }

  /** The established uplink of an instance; where a replacement overlaps, the newest. */
  newestOf(instance: InstanceId): Uplink | null {
    return (
      this.ofInstance(instance)
        .filter((uplink) => isEstablished(uplink.attachment))
        .sort((left, right) => right.attachment.counter - left.attachment.counter)[0] ?? null
    );
  }

  /** Whether the peer was heard of lately; asked where it matters, so that an idle network sleeps. */
  isAlive(uplink: Uplink, now: number): boolean {
    const lastPing = this.#ctx.getWebSocketAutoResponseTimestamp(uplink.socket)?.getTime() ?? null;
    const heardAt = Math.max(uplink.attachment.openedAt, lastPing ?? 0);
    return isUplinkAlive(this.#lastHeard.past(uplink.socket, heardAt, now), now);
  }

  /** Queues a message. An uplink with too much in its queue is closed: all of them share the object's memory. */
  send(uplink: Uplink, message: RegistryMessage): void {
    const { socket } = uplink;
    try {
      socket.send(JSON.stringify(message));
    } catch {
      // The socket went away meanwhile; its close event does what is to be done.
    }
    if (socket.bufferedAmount <= MAX_UNSENT || readAttachment(socket)?.ended !== false) return;
    this.close(socket, "uplink.lost");
    this.#stalled(uplink);
  }

  /** Tells why, then closes. */
  refuse(uplink: Uplink, code: ErrorCode, message?: string): void {
    const error = new FairleadError(code, message);
    this.send(uplink, { type: "error", error: toErrorBody(error) });
    this.close(uplink.socket, code);
  }

  close(socket: WebSocket, code: ErrorCode): void {
    const attachment = readAttachment(socket);
    if (attachment) writeAttachment(socket, { ...attachment, ended: true });
    try {
      socket.close(closeCodeFor(new FairleadError(code).entry.status), code);
    } catch {
      // Closed already.
    }
  }
}
