/**
 * Options about DNS, and their forms:
 *
 *     --dns 127.0.0.2    --dns 127.0.0.1:5300    --dns [::1]:53
 *     --dns-domain shop.corp.internal
 *     --dns-zone corp.internal=10.0.0.2,10.0.0.3:5300
 *     --dns-accept corp.internal    --dns-accept corp.internal=east,west
 */
import { isIP } from "node:net";
import { Domain, ZoneDomain } from "../../protocol/dns/domain-name.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { Port } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import { formatAddress } from "../net/local-socket.ts";
import { parseSites, type Scope } from "./scope.ts";

const DNS_PORT = 53;

/** An address of a DNS server: an IP address and a port. */
export interface DnsAddress {
  readonly host: string;
  readonly port: number;
}

/** Parses a value of `--dns`. @throws FairleadError `request.invalid`. */
export function parseDnsAddress(text: string): DnsAddress {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = isIP(text) === 6 ? text : (bracketed ?? plain ?? "");
  if (isIP(host) === 0 || (bracketed !== undefined && isIP(host) !== 6)) {
    throw invalid(text, "the form is ADDRESS[:PORT], with an IPv6 address in brackets");
  }
  const port = Port.safeParse(digits === undefined ? DNS_PORT : Number(digits));
  if (!port.success) throw invalid(text, "a port is a number from 1 to 65535");
  return { host, port: port.data };
}

/** The text that {@link parseDnsAddress} parses. */
export const formatDnsAddress = ({ host, port }: DnsAddress): string => formatAddress(host, port);

/** Parses a value of `--dns-domain`. @throws FairleadError `request.invalid`. */
export function parseDnsDomain(text: string): string {
  return parseWith(Domain, text, { code: "request.invalid", what: `"${text}"` });
}

/** A zone that this site offers to others, and the servers that answer for it. */
export interface OfferedZone {
  readonly domain: string;
  readonly servers: readonly DnsAddress[];
  /** Names or ids of the only sites that may resolve it; undefined: every site. */
  readonly to?: Scope;
}

/** A zone of other sites that this site resolves. */
export interface AcceptedZone {
  readonly domain: string;
  /** Names or ids of the only sites that may answer for it. Undefined: any site that offers it. */
  readonly from?: readonly string[] | undefined;
}

/** Most servers of a zone. */
const MAX_SERVERS = 4;

/** Parses a value of `--dns-zone`. @throws FairleadError `request.invalid`. */
export function parseDnsZone(text: string): OfferedZone {
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid(text, "the form is ZONE=ADDRESS[:PORT][,…]");
  const servers = text
    .slice(equals + 1)
    .split(",")
    .map((server) => parseDnsAddress(server.trim()));
  if (servers.length > MAX_SERVERS) throw invalid(text, `a zone has at most ${MAX_SERVERS} servers`);
  return { domain: parseZone(text, text.slice(0, equals)), servers };
}

/** Parses a value of `--dns-accept`. @throws FairleadError `request.invalid`. */
export function parseDnsAccept(text: string): AcceptedZone {
  const equals = text.indexOf("=");
  if (equals < 0) return { domain: parseZone(text, text) };
  return { domain: parseZone(text, text.slice(0, equals)), from: parseSites(text.slice(equals + 1)) };
}

const parseZone = (text: string, domain: string): string =>
  parseWith(ZoneDomain, domain, (why) => invalid(text, why));

function invalid(text: string, why: string): FairleadError {
  return new FairleadError("request.invalid", `"${text}": ${why}.`);
}
