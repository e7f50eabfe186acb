/** One address per service out of a range, the same at every start. */
import { z } from "zod";
import { type AddressRange, formatAddressNumber } from "../config/address-range.ts";

/** Which service has which address, remembered in addresses.json. */
export const AddressBook = z.object({ range: z.string(), addresses: z.record(z.string(), z.string()) });
export type AddressBook = z.infer<typeof AddressBook>;

/** Longest search for a free address, in steps; a range is never larger than what it looks at. */
const MAX_PROBES = 65_536;

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
    const address = formatAddressNumber(range.first + ((start + probe) % count), range.family);
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
