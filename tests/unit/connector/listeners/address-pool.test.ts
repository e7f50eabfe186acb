import { describe, expect, it } from "vitest";
import { type AddressRange, parseAddressRange } from "../../../../connector/config/address-range.ts";
import { type AddressBook, allocate } from "../../../../connector/listeners/address-pool.ts";

function range(cidr: string): AddressRange {
  const found = parseAddressRange(cidr);
  if (!found) throw new Error(cidr);
  return found;
}

function allocateAll(cidr: string, names: readonly string[], from: AddressBook | null = null) {
  let book = from;
  const addresses = names.map((name) => {
    const given = allocate(range(cidr), book, name, new Set(names));
    book = given?.book ?? book;
    return given?.address ?? null;
  });
  return { addresses, book };
}

describe("addresses out of a range", () => {
  it("are one per service, inside the range, without its network and broadcast address", () => {
    const names = Array.from({ length: 14 }, (_, at) => `service-${at}`);
    const { addresses } = allocateAll("127.9.8.0/28", names);
    const last = addresses
      .map((address) => Number(address?.split(".")[3]))
      .sort((left, right) => left - right);
    expect(last).toEqual(Array.from({ length: 14 }, (_, at) => at + 1));
  });

  it("are none when all are in use", () => {
    expect(allocateAll("127.9.8.0/30", ["a", "b", "c"]).addresses[2]).toBeNull();
  });

  it("depend on the name alone in an empty range, so that a lost book does not matter", () => {
    const [first] = allocateAll("127.2.0.0/16", ["api", "db"]).addresses;
    const [, second] = allocateAll("127.2.0.0/16", ["db", "api"]).addresses;
    expect(first).toBe(second);
  });

  it("are those that the book remembers", () => {
    const { addresses, book } = allocateAll("127.9.8.0/29", ["a", "b", "c", "d"]);
    const again = allocateAll("127.9.8.0/29", ["d", "c", "b", "a"], book);
    expect(again.addresses.reverse()).toEqual(addresses);
    expect(again.book).toEqual(book);
  });

  it("are taken over from services that are gone, when no other is left", () => {
    const { book } = allocateAll("127.9.8.0/30", ["a", "b"]);
    const given = allocate(range("127.9.8.0/30"), book, "c", new Set(["b", "c"]));
    expect(given?.address).toBe(book?.addresses.a);
    expect(Object.keys(given?.book.addresses ?? {}).sort()).toEqual(["b", "c"]);
  });

  it("are new ones when the range changed", () => {
    const { book } = allocateAll("127.9.8.0/29", ["a"]);
    expect(allocateAll("127.7.0.0/29", ["a"], book).addresses[0]).toMatch(/^127\.7\.0\./);
  });

  it("come from ranges of one address and of IPv6, too", () => {
    expect(allocateAll("127.9.8.7/32", ["a", "b"]).addresses).toEqual(["127.9.8.7", null]);
    expect(allocateAll("fd00::/64", ["a"]).addresses[0]).toMatch(/^fd00::/);
  });
});
