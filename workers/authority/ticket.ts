/**
 * A ticket admits one connector to one side of one lane. The registry issues the ticket, and the Worker
 * verifies it when the connector dials. Its text is `base64url(JSON).base64url(HMAC-SHA-256)`. A ticket is
 * valid for {@link TICKET_MS} and used once, which the router enforces.
 */
import { z } from "zod";
import { decodeBase64, encodeBase64Url } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { BootId, NetworkId, SessionId, SiteId } from "../../protocol/ids.ts";
import { TIME_LIMITS } from "../../protocol/time-limits.ts";
import type { Key } from "./keys.ts";
import { deriveSecret } from "./sealer.ts";

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

/** Longest ticket that is read, characters. */
const MAX_TICKET = 2048;

/** Signs a ticket. @returns its text */
export async function issueTicket(ticket: Ticket, deploymentCaKeyPem: string): Promise<string> {
  const body = encodeBase64Url(new TextEncoder().encode(JSON.stringify(ticket)));
  const mac = await crypto.subtle.sign(
    "HMAC",
    await ticketKey(deploymentCaKeyPem),
    new TextEncoder().encode(body),
  );
  return `${body}.${encodeBase64Url(new Uint8Array(mac))}`;
}

/**
 * Verifies the text of a ticket that this deployment issued.
 * @throws FairleadError ticket.invalid, ticket.expired
 */
export async function verifyTicket(
  text: string,
  { deploymentCaKey, now }: { deploymentCaKey: string; now: number },
): Promise<Ticket> {
  const [body, signature, ...rest] = text.length > MAX_TICKET ? [] : text.split(".");
  const mac = signature === undefined ? null : decodeBase64(signature);
  if (body === undefined || mac === null || rest.length > 0) throw new FairleadError("ticket.invalid");
  // subtle.verify compares in constant time.
  const key = await ticketKey(deploymentCaKey);
  const isGenuine = await crypto.subtle.verify("HMAC", key, mac, new TextEncoder().encode(body));
  if (!isGenuine) throw new FairleadError("ticket.invalid");
  const ticket = readBody(body);
  if (now > ticket.expires) throw new FairleadError("ticket.expired");
  return ticket;
}

/** Parses a signed body, which may have the form of another version. */
function readBody(body: string): Ticket {
  const bytes = decodeBase64(body);
  try {
    return Ticket.parse(JSON.parse(new TextDecoder().decode(bytes ?? undefined)));
  } catch (cause) {
    throw new FairleadError("ticket.invalid", undefined, { cause });
  }
}

let lastKey: { pem: string; key: Key } | null = null;

/**
 * The HMAC key, derived once, since an isolate serves one deployment. The key is cached and not its promise,
 * since a promise belongs to the request that created it.
 */
async function ticketKey(pem: string): Promise<Key> {
  if (lastKey?.pem === pem) return lastKey.key;
  const secret = await deriveSecret(pem, "ticket 1");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign", "verify"]);
  lastKey = { pem, key };
  return key;
}
