/**
 * What an uplink's socket carries through hibernation. Versioned, and parsed like anything from outside: a
 * deploy may wake code that is older or newer than the code that wrote it.
 */
import { z } from "zod";
import { type InstanceId, instanceKey } from "../../../protocol/instance-id.ts";

const Attachment = z.object({
  v: z.literal(1),
  site: z.string(),
  boot: z.string(),
  serial: z.string(),
  /** End of the certificate that it was opened with, ms since 1970; null for a socket of an older version. */
  notAfter: z.number().nullable().default(null),
  /** The assertion's counter: of two uplinks of one process, the higher is the newer. */
  counter: z.number(),
  openedAt: z.number(),
  /** Since when the process has had uplinks without a gap, ms since 1970; `openedAt` unless given. */
  presentSince: z.number().optional(),
  /** Set once hello was accepted. */
  software: z.string().nullable(),
  /** Links whose certificates were good at hello. */
  links: z.array(z.string()),
  /** Why others were not, by their ids. */
  unproven: z.record(z.string(), z.string()).default({}),
  /** The connector's round trip to the edge, ms; null until it told. */
  rtt: z.number().nullable().default(null),
  /** The registry closed it: whatever still comes over it does not count. */
  ended: z.boolean(),
});
export type Attachment = z.infer<typeof Attachment>;

/** Since when the process of an uplink has had one without a gap, ms since 1970. */
export const presentSince = ({ presentSince, openedAt }: Attachment): number => presentSince ?? openedAt;

/** Whether the uplink's hello was accepted. */
export const isEstablished = ({ software }: Attachment): boolean => software !== null;

/** What was read or written last: it is looked at with each message, and parsed once in the life of the object. */
const known = new WeakMap<WebSocket, Attachment>();

export function writeAttachment(socket: WebSocket, attachment: Attachment): void {
  known.set(socket, attachment);
  socket.serializeAttachment(attachment);
}

/** Null for a socket that this version does not understand; such a socket is left alone. */
export function readAttachment(socket: WebSocket): Attachment | null {
  const before = known.get(socket);
  if (before) return before;
  const parsed = Attachment.safeParse(socket.deserializeAttachment());
  if (!parsed.success) return null;
  known.set(socket, parsed.data);
  return parsed.data;
}

/** Tags by which sockets are found again. A boot id alone is only looked up to notice that two sites use the same. */
export const tagOf = {
  site: (id: string) => `site:${id}`,
  boot: (id: string) => `boot:${id}`,
  instance: (instance: InstanceId) => `instance:${instanceKey(instance)}`,
};
