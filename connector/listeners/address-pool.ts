/** One address per service out of a range, the same at every start. */
import ipaddr from "ipaddr.js";
import { z } from "zod";

/** A range of addresses; `first` and `last` are those that can be given away. */
export interface AddressRange {
  /** Normal form, such as "127.2.0.0/16". */
  readonly text: string;
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** Which service has which address, remembered in addresses.json. */
export const AddressBook = z.object({ range: z.string(), addresses: z.record(z.string(), z.string()) });
export type AddressBook = z.infer<typeof AddressBook>;

/** Longest search for a free address, in steps; a range is never larger than what it looks at. */
const MAX_PROBES = 65_536;

/** The range that a CIDR names; null when it is none. Network and broadcast addresses are left out. */
export function rangeOf(cidr: string): AddressRange | null {
  if (!ipaddr.isValidCIDR(cidr)) return null;
  const [address, prefix] = ipaddr.parseCIDR(cidr);
  const bits = address.kind() === "ipv4" ? 32 : 128;
  const size = 1n << BigInt(bits - prefix);
  const network = (toNumber(address.toByteArray()) / size) * size;
  const edges = size > 2n ? 1n : 0n;
  const family = bits === 32 ? 4 : 6;
  return {
    text: `${toText(network, family)}/${prefix}`,
    family,
    first: network + edges,
    last: network + size - 1n - (family === 4 ? edges : 0n),
  };
}

/**
 * An address for `name`: the remembered one; otherwise the first free one from a place that the name alone
 * decides, so that a lost book yields the same addresses again. When all are taken, one of a service that is
 * not `needed` any more is taken over. An address that is blocked is not given to it. Null when none is left.
 */
export function allocate(
  range: AddressRange,
  book: AddressBook | null,
  name: string,
  needed: ReadonlySet<string>,
  isBlocked: (address: string) => boolean = () => false,
): { address: string; book: AddressBook } | null {
  const kept = book?.range === range.text ? book.addresses : {};
  const known = kept[name];
  if (known !== undefined && !isBlocked(known))
    return { address: known, book: { range: range.text, addresses: kept } };
  const free = findFree(range, name, new Set(Object.values(kept)), isBlocked);
  if (free !== null) return give(range, kept, name, free);
  const idle = Object.keys(kept)
    .filter((other) => !needed.has(other) && !isBlocked(kept[other] ?? ""))
    .sort()[0];
  if (idle === undefined) return null;
  const { [idle]: address, ...others } = kept;
  return address === undefined ? null : give(range, others, name, address);
}

function give(range: AddressRange, kept: Record<string, string>, name: string, address: string) {
  return { address, book: { range: range.text, addresses: { ...kept, [name]: address } } };
}

function findFree(
  range: AddressRange,
  name: string,
  taken: ReadonlySet<string>,
  isBlocked: (address: string) => boolean,
): string | null {
  const count = range.last - range.first + 1n;
  const start = BigInt(hash(name)) % count;
  for (let probe = 0n; probe < count && probe < MAX_PROBES; probe++) {
    const address = toText(range.first + ((start + probe) % count), range.family);
    if (!taken.has(address) && !isBlocked(address)) return address;
  }
  return null;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}

function toNumber(bytes: readonly number[]): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function toText(value: bigint, family: 4 | 6): string {
  const length = family === 4 ? 4 : 16;
  const bytes = Array.from({ length }, (_, at) => Number((value >> BigInt(8 * (length - 1 - at))) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}
