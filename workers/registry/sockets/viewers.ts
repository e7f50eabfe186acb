/** The viewers of a network's live channel: hibernating WebSockets beside the uplinks, with a tag of their own. */
import * as z from "zod";
import type { LiveStatus } from "../../../protocol/api/live.ts";
import { type ErrorCode, FairleadError } from "../../../protocol/errors.ts";
import { Viewer } from "../../live/viewer.ts";
import { ViewerSockets } from "../../live/viewer-sockets.ts";
import { SocketAttachments } from "../../socket-attachments.ts";
import { readAttachment } from "./attachment.ts";

const TAG = "viewer";

/** The attachment of a viewer's socket, which survives hibernation. */
const Attachment = z.object({
  v: z.literal(1),
  viewer: Viewer,
  /** When the lease of the last `watch` ends, ms since 1970. */
  watchesUntil: z.number(),
});

const attachments = new SocketAttachments(Attachment);

export interface OpenViewer {
  readonly socket: WebSocket;
  readonly viewer: Viewer;
  readonly watchesUntil: number;
}

export class Viewers {
  readonly #sockets: ViewerSockets;

  constructor(ctx: DurableObjectState) {
    this.#sockets = new ViewerSockets(ctx, TAG);
  }

  /** Whether a socket of the object is a viewer's, and not an uplink. A closed socket has no tags any more. */
  isViewer(socket: WebSocket): boolean {
    return readAttachment(socket) === null && attachments.read(socket) !== null;
  }

  /** Accepts a viewer. Returns the client's end as `answer`. @throws FairleadError live.too_many */
  accept(viewer: Viewer, watchesUntil: number): { answer: WebSocket; socket: WebSocket } {
    const ends = this.#sockets.accept();
    attachments.write(ends.socket, { v: 1, viewer, watchesUntil });
    return ends;
  }

  /** The open viewers. */
  all(): OpenViewer[] {
    return this.#sockets.open().flatMap((socket) => this.of(socket) ?? []);
  }

  /** Those whose lease runs. */
  watching(now: number): OpenViewer[] {
    return this.all().filter(({ watchesUntil }) => watchesUntil > now);
  }

  /** The viewer of an open socket; null for a closed one. */
  of(socket: WebSocket): OpenViewer | null {
    if (socket.readyState !== WebSocket.OPEN) return null;
    const attachment = attachments.read(socket);
    return attachment && { socket, ...attachment };
  }

  /** Renews the lease of a viewer. */
  renew({ socket, viewer }: OpenViewer, watchesUntil: number): void {
    attachments.write(socket, { v: 1, viewer, watchesUntil });
  }

  /** Whether a viewer keeps up, so that it may be told more. A viewer that does not read is closed. */
  isCurrent({ socket }: OpenViewer, now: number): boolean {
    return this.#sockets.isCurrent(socket, now);
  }

  send({ socket }: OpenViewer, message: LiveStatus | string): void {
    this.#sockets.send(socket, message);
  }

  /** Sends an error, then closes the viewer. */
  refuse(socket: WebSocket, code: ErrorCode): void {
    this.#sockets.refuse(socket, new FairleadError(code));
  }
}
