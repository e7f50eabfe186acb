/** The viewers of a network's live channel: hibernating WebSockets beside the uplinks, with a tag of their own. */
import { z } from "zod";
import type { LiveStatus } from "../../../protocol/api/live.ts";
import { type ErrorCode, FairleadError, toErrorBody } from "../../../protocol/errors.ts";
import { closeCodeFor } from "../../../protocol/uplink/messages.ts";
import { MAX_QUEUED, MAX_UNSENT, MAX_VIEWERS, Viewer } from "../../live/viewer.ts";
import { readAttachment } from "./attachment.ts";

const TAG = "viewer";

/** The attachment of a viewer's socket, which survives hibernation. */
const Attachment = z.object({
  v: z.literal(1),
  viewer: Viewer,
  /** When the lease of the last `watch` ends, ms since 1970. */
  watchesUntil: z.number(),
});
type Attachment = z.infer<typeof Attachment>;

export interface OpenViewer {
  readonly socket: WebSocket;
  readonly viewer: Viewer;
  readonly watchesUntil: number;
}

export class Viewers {
  readonly #ctx: DurableObjectState;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  /** Whether a socket of the object is a viewer's, and not an uplink. A closed socket has no tags any more. */
  isViewer(socket: WebSocket): boolean {
    return readAttachment(socket) === null && Attachment.safeParse(socket.deserializeAttachment()).success;
  }

  /** Accepts a viewer. Returns the client's end as `answer`. @throws FairleadError live.too_many */
  accept(viewer: Viewer, watchesUntil: number): { answer: WebSocket; socket: WebSocket } {
    if (this.all().length >= MAX_VIEWERS) throw new FairleadError("live.too_many");
    const pair = new WebSocketPair();
    this.#ctx.acceptWebSocket(pair[1], [TAG]);
    this.#write(pair[1], { v: 1, viewer, watchesUntil });
    return { answer: pair[0], socket: pair[1] };
  }

  /** The open viewers. */
  all(): OpenViewer[] {
    return this.#ctx.getWebSockets(TAG).flatMap((socket) => this.of(socket) ?? []);
  }

  /** Those whose lease runs. */
  watching(now: number): OpenViewer[] {
    return this.all().filter(({ watchesUntil }) => watchesUntil > now);
  }

  /** The viewer of an open socket; null for a closed one. */
  of(socket: WebSocket): OpenViewer | null {
    if (socket.readyState !== WebSocket.OPEN) return null;
    const parsed = Attachment.safeParse(socket.deserializeAttachment());
    return parsed.success ? { socket, ...parsed.data } : null;
  }

  /** Renews the lease of a viewer. */
  renew({ socket, viewer }: OpenViewer, watchesUntil: number): void {
    this.#write(socket, { v: 1, viewer, watchesUntil });
  }

  #write(socket: WebSocket, attachment: Attachment): void {
    socket.serializeAttachment(attachment);
  }

  /** Whether a viewer reads slower than it is sent to. Further messages to it are left out. */
  isBehind({ socket }: OpenViewer): boolean {
    return socket.bufferedAmount > MAX_QUEUED;
  }

  /** Sends a text. A viewer that does not read is closed. */
  send({ socket }: Pick<OpenViewer, "socket">, text: string): void {
    try {
      socket.send(text);
    } catch {
      // The socket closed meanwhile.
    }
    if (socket.bufferedAmount > MAX_UNSENT) this.#end(socket, "live.behind");
  }

  /** Sends an error, then closes the viewer. */
  refuse(socket: WebSocket, code: ErrorCode): void {
    const error: LiveStatus = { type: "error", error: toErrorBody(new FairleadError(code)) };
    this.send({ socket }, JSON.stringify(error));
    this.#end(socket, code);
  }

  /** Answers a close by the viewer, which hibernating sockets do not do by themselves. */
  answerClose(socket: WebSocket, code: number): void {
    try {
      socket.close(code === 1005 || code === 1006 || code === 1015 ? 1000 : code);
    } catch {
      // The socket is closed already.
    }
  }

  #end(socket: WebSocket, code: ErrorCode): void {
    try {
      socket.close(closeCodeFor(new FairleadError(code).entry.status), code);
    } catch {
      // The socket is closed already.
    }
  }
}
