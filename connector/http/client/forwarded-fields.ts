/**
 * The fields that name the calling site to the target. The connector of the target writes them, because it has the
 * proof: the certificate with which the peer's session was made. The fields about the client come from the client's
 * connector, which sees the client; a target may believe them as far as it believes that site.
 */
import { FairleadError } from "../../../protocol/errors.ts";
import { isFairleadField, withDashes } from "../../../protocol/exchange/claims.ts";
import { fieldOf } from "../../../protocol/exchange/fields.ts";
import type { RequestHead } from "../../../protocol/exchange/head.ts";
import { loopOf } from "../../../protocol/exchange/passages.ts";
import type { DoorAccess } from "../../../protocol/hostnames.ts";

/** The site that called, as TLS proved it. */
export interface CallingSite {
  readonly site: string;
  readonly siteName: string;
}

/**
 * The head with the fields of its site, without those that the peer claimed.
 * @throws FairleadError service.loop when the request has passed through Fairlead too often.
 */
export function withSite(head: RequestHead, { site, siteName }: CallingSite): RequestHead {
  const fields = withoutClaims(head);
  fields.push("fairlead-site", siteName, "fairlead-site-id", site);
  return { ...head, fields };
}

/** The door that a request came in by, and who may send requests by this connector's configuration. */
export interface CallingDoor {
  readonly hostname: string;
  readonly access: DoorAccess;
}

/** The field in which a door names the caller that the edge has verified. */
const CALLER = "fairlead-caller";

/**
 * The head of a request from a door: it names the hostname and the caller, as the edge says, and no site.
 * @throws FairleadError service.ingress_not_allowed when the edge let in a caller whom this connector does not;
 * service.loop as {@link withSite}
 */
export function withDoor(head: RequestHead, { hostname, access }: CallingDoor): RequestHead {
  const caller = fieldOf(head.fields, CALLER) ?? "";
  const [kind] = caller.split(" ", 1);
  if (access !== "open" && kind !== access) {
    throw new FairleadError(
      "service.ingress_not_allowed",
      `The door ${hostname} is for callers with access ${access}, and let in another one.`,
    );
  }
  const fields = withoutClaims(head);
  fields.push("fairlead-door", hostname, CALLER, caller);
  return { ...head, fields };
}

/** The fields without those that name a site or an address in the peer's name. @throws FairleadError service.loop */
function withoutClaims(head: RequestHead): string[] {
  const loop = loopOf(head);
  if (loop !== null) throw loop;
  const fields: string[] = [];
  for (let at = 0; at < head.fields.length; at += 2) {
    const name = head.fields[at] ?? "";
    if (!isFairleadField(name) && withDashes(name) !== "x-real-ip") {
      fields.push(name, head.fields[at + 1] ?? "");
    }
  }
  return fields;
}

/**
 * The client's address, as its connector reports it: the first entry of X-Forwarded-For, which proxies follow that the
 * connector trusts. Null when there is none.
 */
export function clientAddress({ fields }: RequestHead): string | null {
  for (let at = fields.length - 2; at >= 0; at -= 2) {
    if (fields[at] === "x-forwarded-for") return fields[at + 1]?.split(",", 1)[0]?.trim() || null;
  }
  return null;
}
