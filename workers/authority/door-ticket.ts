/**
 * The ticket of a door: it admits a connector to the door of a hostname, with the lane of a session or with the end of
 * a client's WebSocket. Its text is `door.base64url(JSON).base64url(HMAC-SHA-256)`, under a key of its own, so that no
 * router accepts it and no door accepts a router's ticket.
 */
import { z } from "zod";
import { decodeBase64, encodeBase64Url } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { Hostname } from "../../protocol/hostnames.ts";
import { BootId, NetworkId, SessionId, SiteId } from "../../protocol/ids.ts";
import type { Key } from "./keys.ts";
import { deriveSecret } from "./sealer.ts";

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
/** Longest ticket that is read, characters. */
const MAX_TICKET = 2048;

/** Whether the text of a ticket has the form of a door's. */
export const isDoorTicket = (text: string): boolean => text.startsWith(PREFIX);

/** Signs a ticket. @returns its text */
export async function issueDoorTicket(ticket: DoorTicket, deploymentCaKeyPem: string): Promise<string> {
  const encoder = new TextEncoder();
  const body = encodeBase64Url(encoder.encode(JSON.stringify(ticket)));
  const mac = await crypto.subtle.sign("HMAC", await doorKey(deploymentCaKeyPem), encoder.encode(body));
  return `${PREFIX}${body}.${encodeBase64Url(new Uint8Array(mac))}`;
}

/**
 * Verifies the text of a ticket that this deployment issued.
 * @throws FairleadError ticket.invalid, ticket.expired
 */
export async function verifyDoorTicket(
  text: string,
  { deploymentCaKey, now }: { deploymentCaKey: string; now: number },
): Promise<DoorTicket> {
  const [body, signature, ...rest] =
    text.length > MAX_TICKET || !isDoorTicket(text) ? [] : text.slice(PREFIX.length).split(".");
  const mac = signature === undefined ? null : decodeBase64(signature);
  if (body === undefined || mac === null || rest.length > 0) throw new FairleadError("ticket.invalid");
  const key = await doorKey(deploymentCaKey);
  // subtle.verify compares in constant time.
  const isGenuine = await crypto.subtle.verify("HMAC", key, mac, new TextEncoder().encode(body));
  if (!isGenuine) throw new FairleadError("ticket.invalid");
  const ticket = readBody(body);
  if (now > ticket.expires) throw new FairleadError("ticket.expired");
  return ticket;
}

/** Parses a signed body, which may have the form of another version. */
function readBody(body: string): DoorTicket {
  const bytes = decodeBase64(body);
  try {
    return DoorTicket.parse(JSON.parse(new TextDecoder().decode(bytes ?? undefined)));
  } catch (cause) {
    throw new FairleadError("ticket.invalid", undefined, { cause });
  }
}

let lastKey: { pem: string; key: Key } | null = null;

/** The HMAC key, derived once, since an isolate serves one deployment. */
async function doorKey(pem: string): Promise<Key> {
  if (lastKey?.pem === pem) return lastKey.key;
  const secret = await deriveSecret(pem, "door ticket 1");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign", "verify"]);
  lastKey = { pem, key };
  return key;
}
