/**
 * A ticket admits one connector to one side of one lane. The registry issues the ticket, and the Worker
 * verifies it when the connector dials. Its text is `base64url(JSON).base64url(HMAC-SHA-256)`. A ticket is
 * valid for {@link TICKET_MS} and used once, which the router enforces.
 */
import * as z from "zod";
import { BootId, NetworkId, SessionId, SiteId } from "../../protocol/ids.ts";
import { TIME_LIMITS } from "../../protocol/time-limits.ts";
import { TicketFormat } from "./ticket-format.ts";

/** Shortest validity of a ticket, ms; it is longer over a slow path. */
export const TICKET_MS = TIME_LIMITS.ticket.least;

/** Internal header with the ticket that the Worker verified, for the router: a {@link Ticket} as JSON. */
export const VERIFIED_TICKET_HEADER = "fairlead-ticket-verified";

export const Ticket = z.object({
  network: NetworkId,
  session: SessionId,
  generation: z.number().int().min(1),
  lane: z.number().int().min(0),
  site: SiteId,
  boot: BootId,
  /** The other site. */
  peer: SiteId,
  side: z.enum(["a", "b"]),
  /** Expiry, ms since 1970. */
  expires: z.number().int(),
  /** How long the first side of the lane waits for the second, ms; the router's default unless given. */
  meetMs: z.number().int().min(1).optional(),
});
export type Ticket = z.infer<typeof Ticket>;

const FORMAT = new TicketFormat({ schema: Ticket, purpose: "ticket 1" });

/** Signs a ticket. @returns its text */
export const issueTicket = (ticket: Ticket, deploymentCaKeyPem: string): Promise<string> =>
  FORMAT.issue(ticket, deploymentCaKeyPem);

/**
 * Verifies the text of a ticket that this deployment issued.
 * @throws FairleadError ticket.invalid, ticket.expired
 */
export const verifyTicket = (
  text: string,
  options: { deploymentCaKey: string; now: number },
): Promise<Ticket> => FORMAT.verify(text, options);
