/**
 * The ticket of a door: it admits a connector to the door of a hostname, with the lane of a session or with the end of
 * a client's WebSocket. Its text is `door.base64url(JSON).base64url(HMAC-SHA-256)`, under a key of its own, so that no
 * router accepts it and no door accepts a router's ticket.
 */
import * as z from "zod";
import { Hostname } from "../../protocol/hostnames.ts";
import { BootId, NetworkId, SessionId, SiteId } from "../../protocol/ids.ts";
import { TicketFormat } from "./ticket-format.ts";

/** Internal header with the ticket that the Worker verified: a {@link DoorTicket} as JSON. */
export const VERIFIED_DOOR_TICKET_HEADER = "fairlead-door-ticket-verified";

const common = {
  network: NetworkId,
  hostname: Hostname,
  /** Boot id of the door. */
  door: BootId,
  site: SiteId,
  boot: BootId,
  /** Expiry, ms since 1970. */
  expires: z.number().int(),
};

export const DoorTicket = z.discriminatedUnion("purpose", [
  z.object({ purpose: z.literal("lane"), ...common, session: SessionId }),
  z.object({ purpose: z.literal("socket"), ...common, socket: z.string().max(64) }),
]);
export type DoorTicket = z.infer<typeof DoorTicket>;

const PREFIX = "door.";
const FORMAT = new TicketFormat({ schema: DoorTicket, purpose: "door ticket 1", prefix: PREFIX });

/** Whether the text of a ticket has the form of a door's. */
export const isDoorTicket = (text: string): boolean => text.startsWith(PREFIX);

/** Signs a ticket. @returns its text */
export const issueDoorTicket = (ticket: DoorTicket, deploymentCaKeyPem: string): Promise<string> =>
  FORMAT.issue(ticket, deploymentCaKeyPem);

/**
 * Verifies the text of a ticket that this deployment issued.
 * @throws FairleadError ticket.invalid, ticket.expired
 */
export const verifyDoorTicket = (
  text: string,
  options: { deploymentCaKey: string; now: number },
): Promise<DoorTicket> => FORMAT.verify(text, options);
