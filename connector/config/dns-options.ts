/**
 * Options about DNS, and their forms:
 *
 *     --dns 127.0.0.2    --dns 127.0.0.1:5300    --dns [::1]:53
 *     --dns-domain shop.corp.internal
 */
import { isIP } from "node:net";
import { Domain } from "../../protocol/dns/domain-name.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { Port } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import { formatAddress } from "../net/local-socket.ts";

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

/**
 * The domain of a network's services, unless the configuration names another. The top-level domain `internal` is
 * reserved for private use, so that no name of the public DNS is hidden.
 */
export const defaultDomain = (network: string): string => `${network}.internal`;

function invalid(text: string, why: string): FairleadError {
  return new FairleadError("request.invalid", `"${text}": ${why}.`);
}
