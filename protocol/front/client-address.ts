/** The canonical form of a client's address, so that a limit counts clients and not connections. */

// The forms of a reported address: IPv6 in brackets or bare, or IPv4, each with or without a port.
const BRACKETED = /^\[([^\]]*)\](?::\d{1,5})?$/;
const IPV4_PORT = /^(\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?$/;
const MAPPED = /^(?:0{0,4}:){2,6}ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/**
 * The IP address in a reported address, without port, brackets and zone. An IPv4 address mapped into IPv6
 * becomes the IPv4 address. workerd 1.20261117 reports "192.0.2.7:36280" and "[2001:db8::7]:36280";
 * Cloudflare and Node report the bare address (2026-11).
 */
export function clientAddress(reported: string): string {
  const text = reported.trim();
  const host = IPV4_PORT.exec(text)?.[1] ?? BRACKETED.exec(text)?.[1] ?? text;
  const bare = host.replace(/%.*$/, "").toLowerCase();
  return MAPPED.exec(bare)?.[1] ?? bare;
}

/**
 * The group of addresses that a limit counts as one client: an IPv4 address, or the first 64 bits of an IPv6
 * address, because an IPv6 client has a whole /64.
 *
 * @param reported an address in any form that {@link clientAddress} accepts
 */
export function clientGroup(reported: string): string {
  const address = clientAddress(reported);
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  const groups = [...left, ...zeros, ...right].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${groups.join(":")}::/64`;
}
