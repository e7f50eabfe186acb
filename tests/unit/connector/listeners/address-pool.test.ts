import { describe, expect, it } from "vitest";
import { type AddressRange, parseAddressRange } from "../../../../connector/config/address-range.ts";
import { type AddressBook, AddressPool } from "../../../../connector/listeners/address-pool.ts";

function range(cidr: string): AddressRange {
  const found = parseAddressRange(cidr);
  if (!found) throw new Error(cidr);
  return found;
}

/** Assigns an address to each name, with all of them needed. */
function assignAll(cidr: string, names: readonly string[], stored: AddressBook | null = null) {
  const pool = new AddressPool(range(cidr), stored);
  const addresses = names.map((name) => pool.assign(name, new Set(names)));
  return { addresses, book: pool.book };
}

describe("AddressPool", () => {
  it("assigns one address per service, inside the range, without its network and broadcast address", () => {
    const names = Array.from({ length: 14 }, (_, at) => `service-${at}`);
    const { addresses } = assignAll("127.9.8.0/28", names);
    const last = addresses
      .map((address) => Number(address?.split(".")[3]))
      .sort((left, right) => left - right);
    expect(last).toEqual(Array.from({ length: 14 }, (_, at) => at + 1));
  });

  it("assigns none when all are in use", () => {
    expect(assignAll("127.9.8.0/30", ["a", "b", "c"]).addresses[2]).toBeNull();
  });

  it("assigns by the name alone in an empty range, so that a lost book does not matter", () => {
    const [first] = assignAll("127.2.0.0/16", ["api", "db"]).addresses;
    const [, second] = assignAll("127.2.0.0/16", ["db", "api"]).addresses;
    expect(first).toBe(second);
  });

  it("assigns the remembered addresses, and leaves the book as it was", () => {
    const { addresses, book } = assignAll("127.9.8.0/29", ["a", "b", "c", "d"]);
    const again = assignAll("127.9.8.0/29", ["d", "c", "b", "a"], book);
    expect(again.addresses.reverse()).toEqual(addresses);
    expect(again.book).toBe(book);
  });

  it("reassigns the address of a service that is gone when no other is left", () => {
    const { book } = assignAll("127.9.8.0/30", ["a", "b"]);
    const pool = new AddressPool(range("127.9.8.0/30"), book);
    expect(pool.assign("c", new Set(["b", "c"]))).toBe(book.addresses.a);
    expect(Object.keys(pool.book.addresses).sort()).toEqual(["b", "c"]);
  });

  it("assigns another address when the remembered one is blocked", () => {
    const { addresses, book } = assignAll("127.9.8.0/29", ["a"]);
    const pool = new AddressPool(range("127.9.8.0/29"), book);
    const address = pool.assign("a", new Set(["a"]), (each) => each === addresses[0]);
    expect(address).toMatch(/^127\.9\.8\./);
    expect(address).not.toBe(addresses[0]);
    expect(pool.book.addresses).toEqual({ a: address });
  });

  it("assigns new addresses when the range changed", () => {
    const { book } = assignAll("127.9.8.0/29", ["a"]);
    expect(assignAll("127.7.0.0/29", ["a"], book).addresses[0]).toMatch(/^127\.7\.0\./);
  });

  it("assigns addresses out of a range of one address, and out of IPv6 ranges", () => {
    expect(assignAll("127.9.8.7/32", ["a", "b"]).addresses).toEqual(["127.9.8.7", null]);
    expect(assignAll("fd00::/64", ["a"]).addresses[0]).toMatch(/^fd00::/);
  });
});
