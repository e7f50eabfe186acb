/**
 * The fields that tell the target of its client: the client's address, what it asked for, and that Fairlead is between
 * them. A client can claim none of them, unless its listener trusts it. The connector of the target adds the site.
 */

import { isClaim, isFairleadField } from "../../../protocol/exchange/claims.ts";
import { fieldOf } from "../../../protocol/exchange/fields.ts";
import type { RequestHead } from "../../../protocol/exchange/head.ts";
import { CONNECTOR_NAME } from "../../../protocol/exchange/passages.ts";
import { type IsTrusted, trustedChain, trustedElements } from "./forwarded-chain.ts";

/** What the connector knows of the client. */
export interface ClientFacts {
  /** The client's address without its port; "unknown" when it is not known. */
  readonly address: string;
  /** The address as `Forwarded` has it. */
  readonly node: string;
  /** "1.1", "1.0" or "2.0". */
  readonly version: string;
  /** Which proxies are trusted, where the client is one itself; null where it is none. */
  readonly isTrusted: IsTrusted | null;
}

/** The head with the fields about its client, without those that the client claimed. */
export function withClient(
  head: RequestHead,
  { address, node, version, isTrusted }: ClientFacts,
): RequestHead {
  const fields: string[] = [];
  let via = "";
  let before = "";
  let forwarded = "";
  for (let at = 0; at < head.fields.length; at += 2) {
    const name = head.fields[at] ?? "";
    const value = head.fields[at + 1] ?? "";
    if (name === "via") via = joined(via, value);
    else if (!isClaim(name)) fields.push(name, value);
    else if (isTrusted === null) continue;
    else if (name === "x-forwarded-for") before = joined(before, value);
    else if (name === "forwarded") forwarded = joined(forwarded, value);
    else if (!isFairleadField(name) && !name.includes("_")) fields.push(name, value);
  }
  if (isTrusted !== null) {
    before = trustedChain(before, isTrusted);
    forwarded = trustedElements(forwarded, isTrusted);
  }
  const proto = head.scheme === "" ? "http" : head.scheme;
  const host = head.authority === "" ? "" : `;host="${head.authority}"`;
  fields.push("forwarded", joined(forwarded, `for=${node}${host};proto=${proto}`));
  fields.push("x-forwarded-for", joined(before, address));
  if (fieldOf(fields, "x-forwarded-proto") === null) fields.push("x-forwarded-proto", proto);
  if (head.authority !== "" && fieldOf(fields, "x-forwarded-host") === null) {
    fields.push("x-forwarded-host", head.authority);
  }
  fields.push("via", joined(via, `${version} ${CONNECTOR_NAME}`));
  return { ...head, fields };
}

const joined = (before: string, value: string): string => (before === "" ? value : `${before}, ${value}`);
