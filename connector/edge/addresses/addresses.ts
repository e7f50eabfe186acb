/** The addresses of the edge: how they are parsed and formatted, and their names in URLs and certificates. */
import { isIP, isIPv6 } from "node:net";
import { hostname as machineName } from "node:os";
import { FairleadError } from "../../../protocol/errors.ts";
import type { FormerAddress } from "../../../protocol/front/former-address.ts";

export interface Address {
  /** A DNS name or an IP address, without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 for a free port. */
  readonly port: number;
}

/** The addresses that the edge listens on. */
export interface Addresses {
  readonly api: Address;
  readonly gateway: Address;
  /**
   * Where workerd itself accepts lanes, without the front; null when lanes are accepted at `gateway` only.
   */
  readonly lanes: Address | null;
}

const WILDCARDS = new Set(["0.0.0.0", "::"]);

/**
 * Parses "HOST:PORT", "[IPv6]:PORT" or "*:PORT".
 *
 * @param option the option's name, for messages
 * @throws FairleadError request.invalid
 */
export function parseAddress(text: string, option: string): Address {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3]);
  const host = parts?.[1] === undefined ? parts?.[2] : parts[1];
  if (host === undefined || port > 65535 || (parts?.[1] !== undefined && !isIPv6(host))) {
    throw new FairleadError("request.invalid", `${option} must be HOST:PORT, not "${text}".`);
  }
  if (host === "*") return { host: "0.0.0.0", port };
  if (isIP(host) === 0 && !isHostname(host)) {
    throw new FairleadError("request.invalid", `${option} has no valid host name: "${host}".`);
  }
  return { host: canonicalHost(host), port };
}

/** Whether a text is a DNS host name (RFC 1123). */
export function isHostname(text: string): boolean {
  return text.length <= 253 && /^(?:(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.|$))+$/i.test(text) && !text.endsWith(".");
}

/** The canonical text of a host: an IPv6 address in its shortest form, a DNS name in lower case. */
export function canonicalHost(host: string): string {
  return isIPv6(host) && !host.includes("%")
    ? new URL(`http://[${host}]/`).hostname.slice(1, -1)
    : host.toLowerCase();
}

/** "HOST:PORT", with brackets around IPv6. */
export function formatAddress(address: Address): string {
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

/**
 * The public host of an address: the given name, else the host that it is bound to, else the machine's name.
 */
export function publicHost(address: Address, hostname: string | undefined): string {
  if (hostname !== undefined) return canonicalHost(hostname);
  return WILDCARDS.has(address.host) ? canonicalHost(machineName()) : address.host;
}

/** The https origin of a host and port. */
export function urlOf(host: string, port: number): string {
  return new URL(`https://${formatAddress({ host, port })}`).origin;
}

/** The address at which this machine reaches an address that it listens on. */
export function localAddress(address: Address): Address {
  if (!WILDCARDS.has(address.host)) return address;
  return { host: isIPv6(address.host) ? "::1" : "127.0.0.1", port: address.port };
}

/**
 * The names that the server certificate must contain.
 * @param former addresses by which sites may still reach the edge
 */
export function certificateNames(
  { api, gateway, lanes }: Addresses,
  hostname: string | undefined,
  former: readonly FormerAddress[] = [],
): string[] {
  const addresses = [api, gateway, ...(lanes === null ? [] : [lanes])];
  const names = addresses.map((address) => publicHost(address, hostname));
  const bound = addresses.map((address) => address.host).filter((host) => !WILDCARDS.has(host));
  const before = former.flatMap(({ api, links }) => [hostOf(api), hostOf(links)]);
  return [...new Set([...names, "localhost", "127.0.0.1", "::1", ...bound, ...before])];
}

/** The host of an https origin, without brackets. */
export function hostOf(origin: string): string {
  return new URL(origin).hostname.replace(/^\[|\]$/g, "");
}
