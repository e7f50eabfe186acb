/** The attachment of an uplink's socket, which survives hibernation. */
import * as z from "zod";
import { type InstanceId, instanceKey } from "../../../protocol/instance-id.ts";
import { SocketAttachments } from "../../socket-attachments.ts";

const Attachment = z.object({
  v: z.literal(1),
  site: z.string(),
  boot: z.string(),
  serial: z.string(),
  /**
   * End of the certificate of the uplink's assertion, ms since 1970; null in attachments of older versions.
   */
  notAfter: z.number().nullable().default(null),
  /** The assertion's counter. Of two uplinks of one process, the higher counter is newer. */
  counter: z.number(),
  openedAt: z.number(),
  /** Since when the process has had an uplink without a gap, ms since 1970; `openedAt` by default. */
  presentSince: z.number().optional(),
  /** Set when the hello is accepted. */
  software: z.string().nullable(),
  /** Features of the connector that the registry knows. */
  features: z.array(z.string()).default([]),
  /** Ids of links whose certificates were valid at hello. */
  links: z.array(z.string()),
  /** Error codes of the other links, by link id. */
  unproven: z.record(z.string(), z.string()).default({}),
  /** The connector's round trip to the edge, ms; null until reported. */
  rtt: z.number().nullable().default(null),
  /** Whether the registry closed the uplink, or its process said bye. Later messages of it are ignored. */
  ended: z.boolean(),
});
export type Attachment = z.infer<typeof Attachment>;

/** Since when the process of an uplink has had an uplink without a gap, ms since 1970. */
export const presentSince = ({ presentSince, openedAt }: Attachment): number => presentSince ?? openedAt;

/** Whether the uplink's hello was accepted. */
export const isEstablished = ({ software }: Attachment): boolean => software !== null;

const attachments = new SocketAttachments(Attachment);

export function writeAttachment(socket: WebSocket, attachment: Attachment): void {
  attachments.write(socket, attachment);
}

/** The attachment of an uplink; null for one of another kind or version. */
export function readAttachment(socket: WebSocket): Attachment | null {
  return attachments.read(socket);
}

/** Tags for looking up sockets. The tag of a boot id alone serves to detect sites that share one. */
export const tagOf = {
  site: (id: string) => `site:${id}`,
  boot: (id: string) => `boot:${id}`,
  instance: (instance: InstanceId) => `instance:${instanceKey(instance)}`,
};
