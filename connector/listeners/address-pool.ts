/** Gives each service an address out of a range, the same one at every start. */
import * as z from "zod";
import { type AddressRange, formatAddressNumber } from "../config/address-range.ts";

/** The assigned addresses by service, as addresses.json stores them. */
export const AddressBook = z.object({
  range: z.string(),
  addresses: z.record(z.string(), z.union([z.ipv4(), z.ipv6()])),
});
export type AddressBook = z.infer<typeof AddressBook>;

/** Most addresses that a search for a free one looks at. */
const MAX_PROBES = 65_536;

export class AddressPool {
  readonly #range: AddressRange;
  #book: AddressBook;

  /** A stored book of another range is ignored. */
  constructor(range: AddressRange, stored: AddressBook | null) {
    this.#range = range;
    this.#book = stored?.range === range.text ? stored : { range: range.text, addresses: {} };
  }

  /** What to store. Another object after each change. */
  get book(): AddressBook {
    return this.#book;
  }

  /**
   * Assigns an address to a service: the remembered one, or else the first free one. The search starts at a place that
   * the name alone decides, so that a lost book yields the same addresses again. When every address is taken, one of a
   * service that is not `needed` is reassigned. A blocked address is never assigned. Null when none is left.
   */
  assign(
    name: string,
    needed: ReadonlySet<string>,
    isBlocked: (address: string) => boolean = () => false,
  ): string | null {
    const { addresses } = this.#book;
    const known = addresses[name];
    if (known !== undefined && !isBlocked(known)) return known;
    const free = this.#findFree(name, new Set(Object.values(addresses)), isBlocked);
    if (free !== null) return this.#set(name, free, addresses);
    const idle = Object.keys(addresses)
      .filter((other) => !needed.has(other) && !isBlocked(addresses[other] ?? ""))
      .sort()[0];
    if (idle === undefined) return null;
    const { [idle]: address, ...others } = addresses;
    return address === undefined ? null : this.#set(name, address, others);
  }

  #set(name: string, address: string, others: AddressBook["addresses"]): string {
    this.#book = { range: this.#range.text, addresses: { ...others, [name]: address } };
    return address;
  }

  #findFree(
    name: string,
    taken: ReadonlySet<string>,
    isBlocked: (address: string) => boolean,
  ): string | null {
    const { first, last, family } = this.#range;
    const count = last - first + 1n;
    const start = BigInt(hash(name)) % count;
    for (let probe = 0n; probe < count && probe < MAX_PROBES; probe++) {
      const address = formatAddressNumber(first + ((start + probe) % count), family);
      if (!taken.has(address) && !isBlocked(address)) return address;
    }
    return null;
  }
}

/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
