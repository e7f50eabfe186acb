/** What a socket of the object carries through hibernation. */
import * as z from "zod";
import { TrafficQuery } from "../../protocol/api/traffic.ts";
import { Viewer } from "../live/viewer.ts";
import { SocketAttachments } from "../socket-attachments.ts";

/** The socket of a connector. */
const ConnectorAttachment = z.object({
  v: z.literal(1),
  kind: z.literal("connector"),
  site: z.string(),
  name: z.string(),
  boot: z.string(),
  /** Whether its hello was accepted. */
  greeted: z.boolean(),
  /** Whether the object closed it. Later messages are ignored. */
  ended: z.boolean(),
});
export type ConnectorAttachment = z.infer<typeof ConnectorAttachment>;

/** The socket of a viewer. */
const ViewerAttachment = z.object({
  v: z.literal(1),
  kind: z.literal("viewer"),
  network: z.string(),
  viewer: Viewer,
  query: TrafficQuery.nullable(),
  /** The number and the filter of its tail. */
  tail: z.object({ id: z.number(), filter: z.string() }).nullable(),
  /** End of its lease, ms since 1970. */
  watchUntil: z.number(),
  ended: z.boolean(),
});
export type ViewerAttachment = z.infer<typeof ViewerAttachment>;

const Attachment = z.discriminatedUnion("kind", [ConnectorAttachment, ViewerAttachment]);
export type Attachment = z.infer<typeof Attachment>;

/** The tags by which sockets are found. */
export const TAGS = { connector: "connector", viewer: "viewer", site: (id: string) => `site:${id}` } as const;

const attachments = new SocketAttachments<Attachment>(Attachment);

export function writeAttachment(socket: WebSocket, attachment: Attachment): void {
  attachments.write(socket, attachment);
}

/** Null for an attachment that this version does not know. */
export function readAttachment(socket: WebSocket): Attachment | null {
  return attachments.read(socket);
}
