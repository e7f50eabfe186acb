/** The edge's addresses: how they are written, and named in URLs and certificates. */
import { isIP, isIPv6 } from "node:net";
import { hostname as machineName } from "node:os";
import { FairleadError } from "../../../protocol/errors.ts";

export interface Address {
  /** A DNS name or an IP address, without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 asks for a free one. */
  readonly port: number;
}

/** Where the API listens, and where uplinks and lanes are accepted. */
export interface Addresses {
  readonly api: Address;
  readonly gateway: Address;
  /** Where workerd takes lanes without the front between; null where lanes come to `gateway` as well. */
  readonly lanes: Address | null;
}

const WILDCARDS = new Set(["0.0.0.0", "::"]);

/**
 * Reads "HOST:PORT", "[IPv6]:PORT" or "*:PORT".
 *
 * @param option the option's name, for the message
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

/** Whether the text is a DNS host name (RFC 1123). */
export function isHostname(text: string): boolean {
  return text.length <= 253 && /^(?:(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.|$))+$/i.test(text) && !text.endsWith(".");
}

/** An IPv6 address in its shortest form, a DNS name in lower case: so that equal hosts are equal texts. */
export function canonicalHost(host: string): string {
  return isIPv6(host) && !host.includes("%")
    ? new URL(`http://[${host}]/`).hostname.slice(1, -1)
    : host.toLowerCase();
}

/** "HOST:PORT", with brackets around IPv6. */
export function formatAddress(address: Address): string {
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

/** The host that others use for an address: the public name; else the bound host; else this machine's name. */
export function publicHost(address: Address, hostname: string | undefined): string {
  if (hostname !== undefined) return canonicalHost(hostname);
  return WILDCARDS.has(address.host) ? canonicalHost(machineName()) : address.host;
}

/** The https URL of a host and port, without the port that goes without saying and without a slash. */
export function urlOf(host: string, port: number): string {
  return new URL(`https://${formatAddress({ host, port })}`).origin;
}

/** Where this machine itself reaches an address that it listens on. */
export function localAddress(address: Address): Address {
  if (!WILDCARDS.has(address.host)) return address;
  return { host: isIPv6(address.host) ? "::1" : "127.0.0.1", port: address.port };
}

/** Every name that the server certificate must carry. */
export function certificateNames({ api, gateway, lanes }: Addresses, hostname: string | undefined): string[] {
  const addresses = [api, gateway, ...(lanes === null ? [] : [lanes])];
  const names = addresses.map((address) => publicHost(address, hostname));
  const bound = addresses.map((address) => address.host).filter((host) => !WILDCARDS.has(host));
  return [...new Set([...names, "localhost", "127.0.0.1", "::1", ...bound])];
}
