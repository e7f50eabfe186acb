/** Addresses of clients in one form, so that a limit counts clients and not their connections. */

/** Parts of a reported address: an IPv6 address in brackets or bare, or an IPv4 address; each perhaps with a port. */
const BRACKETED = /^\[([^\]]*)\](?::\d{1,5})?$/;
const IPV4_PORT = /^(\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?$/;
const MAPPED = /^(?:0{0,4}:){2,6}ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/**
 * An IP address without port, brackets and zone; of an IPv4 address mapped into IPv6, the IPv4 address. workerd
 * reports "192.0.2.7:36280" and "[2001:db8::7]:36280" (1.20261117), Cloudflare and Node report the bare address.
 */
export function clientAddress(reported: string): string {
  const text = reported.trim();
  const host = IPV4_PORT.exec(text)?.[1] ?? BRACKETED.exec(text)?.[1] ?? text;
  const bare = host.replace(/%.*$/, "").toLowerCase();
  return MAPPED.exec(bare)?.[1] ?? bare;
}

/**
 * Whom a limit counts: an IPv4 address, or the first 64 bits of an IPv6 address, since an IPv6 client has a whole /64
 * to itself.
 *
 * @param reported an address as {@link clientAddress} takes it
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
