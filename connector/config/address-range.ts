/** A range of IP addresses, from its CIDR notation. */
import ipaddr from "ipaddr.js";

export interface AddressRange {
  /** The range in normal form, such as "127.2.0.0/16". */
  readonly text: string;
  readonly family: 4 | 6;
  /** The first and the last address that a listener may take. */
  readonly first: bigint;
  readonly last: bigint;
}

/** Parses CIDR notation; null when the text is no CIDR. The network and the broadcast address are left out. */
export function parseAddressRange(cidr: string): AddressRange | null {
  if (!ipaddr.isValidCIDR(cidr)) return null;
  const [address, prefix] = ipaddr.parseCIDR(cidr);
  const bits = address.kind() === "ipv4" ? 32 : 128;
  const size = 1n << BigInt(bits - prefix);
  const network = (toNumber(address.toByteArray()) / size) * size;
  const edges = size > 2n ? 1n : 0n;
  const family = bits === 32 ? 4 : 6;
  return {
    text: `${formatAddressNumber(network, family)}/${prefix}`,
    family,
    first: network + edges,
    last: network + size - 1n - (family === 4 ? edges : 0n),
  };
}

/** The text of an address that is given as a number. */
export function formatAddressNumber(value: bigint, family: 4 | 6): string {
  const length = family === 4 ? 4 : 16;
  const bytes = Array.from({ length }, (_, at) => Number((value >> BigInt(8 * (length - 1 - at))) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}

function toNumber(bytes: readonly number[]): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
