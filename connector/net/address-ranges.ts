/** A set of IP addresses and of ranges in CIDR notation. */
import { BlockList, type IPVersion, isIP } from "node:net";

export class AddressRanges {
  readonly #list = new BlockList();

  /** Adds an address or a range. Returns false, and adds nothing, for a text that is neither. */
  add(text: string): boolean {
    const [address = "", prefix, ...rest] = text.split("/");
    const family = familyOf(address);
    if (family === null || rest.length > 0) return false;
    const bits = family === "ipv6" ? 128 : 32;
    const length = prefix === undefined ? bits : Number(prefix);
    if (prefix !== undefined && (!/^\d+$/.test(prefix) || length > bits)) return false;
    this.#list.addSubnet(address, length, family);
    return true;
  }

  /** Whether the set has an address; false for a text that is none. */
  has(address: string): boolean {
    const family = familyOf(address);
    return family !== null && this.#list.check(address, family);
  }
}

function familyOf(address: string): IPVersion | null {
  const version = isIP(address);
  if (version === 0) return null;
  return version === 6 ? "ipv6" : "ipv4";
}
