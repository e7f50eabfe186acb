import { describe, expect, it } from "vitest";
import {
  assignPorts,
  bookData,
  keysOf,
  MAX_KEPT,
  mergeBooks,
  parseBook,
  sameBook,
} from "../../../../../connector/kubernetes/imports/port-book.ts";

const RANGE = { from: 20_000, to: 29_999 };
const EMPTY = new Map<string, number>();

describe("The book of listener ports", () => {
  it("has a key for each port and transport of a service", () => {
    const offers = [{ site: "s", siteName: "east", boot: "b" }];
    expect(keysOf({ name: "api", port: 80, protocol: "http", offers })).toEqual(["api.80.tcp"]);
    const ports = [
      { port: 53, protocol: "udp" as const },
      { port: 54, protocol: "tcp" as const },
    ];
    expect(keysOf({ name: "dns", port: 53, protocol: "udp", ports, offers })).toEqual([
      "dns.53.udp",
      "dns.54.tcp",
    ]);
  });

  it("gives the same ports again after it was lost", () => {
    const keys = ["api.80.tcp", "db.5432.tcp", "dns.53.udp"];
    const book = assignPorts(EMPTY, keys, RANGE);
    expect([...book.keys()]).toEqual(keys);
    expect(sameBook(assignPorts(EMPTY, keys.toReversed(), RANGE), book)).toBe(true);
    for (const port of book.values()) expect(port >= RANGE.from && port <= RANGE.to).toBe(true);
  });

  it("keeps the port of a service that is gone, for its return", () => {
    const book = new Map([["api.80.tcp", 20_007]]);
    const without = assignPorts(book, ["db.5432.tcp"], RANGE);
    expect(without.get("api.80.tcp")).toBe(20_007);
    expect(assignPorts(without, ["api.80.tcp"], RANGE).get("api.80.tcp")).toBe(20_007);
  });

  it("keeps a bounded number of ports that nobody needs", () => {
    const many = new Map(Array.from({ length: MAX_KEPT + 50 }, (_, at) => [`s${at}.80.tcp`, 20_000 + at]));
    expect(assignPorts(many, [], RANGE).size).toBe(MAX_KEPT);
  });

  it("takes the ports of services that are gone once no other is free, and leaves the rest without", () => {
    const range = { from: 20_000, to: 20_001 };
    const book = new Map([
      ["old.80.tcp", 20_000],
      ["api.80.tcp", 20_001],
    ]);
    const next = assignPorts(book, ["api.80.tcp", "db.5432.tcp", "last.1.tcp"], range);
    expect([...next]).toEqual([
      ["api.80.tcp", 20_001],
      ["db.5432.tcp", 20_000],
    ]);
  });

  it("assigns anew what two keys share and what lies outside of the range", () => {
    const book = new Map([
      ["a.1.tcp", 20_001],
      ["b.1.tcp", 20_001],
      ["c.1.tcp", 8080],
    ]);
    const next = assignPorts(book, [...book.keys()], RANGE);
    expect(next.get("a.1.tcp")).toBe(20_001);
    expect(new Set(next.values()).size).toBe(3);
    expect(Math.min(...next.values())).toBeGreaterThanOrEqual(RANGE.from);
  });

  it("survives the way through a ConfigMap", () => {
    const book = assignPorts(EMPTY, ["b.80.tcp", "a.53.udp"], RANGE);
    const { book: read, faults } = parseBook(bookData(book));
    expect(sameBook(read, book)).toBe(true);
    expect(faults).toEqual([]);
  });

  it("names the entries of an edited ConfigMap that say nothing, and reads the others", () => {
    const data = {
      "api.80.tcp": "20001",
      "db.5432.tcp": "20001",
      "Web.80.tcp": "20002",
      "x.80.tcp": "many",
      "y.80.tcp": "70000",
      "z.80.sctp": "20003",
      nonsense: "1",
    };
    const { book, faults } = parseBook(data);
    expect([...book]).toEqual([["api.80.tcp", 20_001]]);
    expect(faults).toEqual(["Web.80.tcp", "db.5432.tcp", "nonsense", "x.80.tcp", "y.80.tcp", "z.80.sctp"]);
  });

  it("takes over ports that only the Services know", () => {
    const services = new Map([
      ["api.80.tcp", 20_001],
      ["db.5432.tcp", 20_002],
      ["web.80.tcp", 20_002],
    ]);
    const merged = mergeBooks(new Map([["api.80.tcp", 20_009]]), services);
    expect(merged.get("api.80.tcp")).toBe(20_009);
    expect(merged.get("db.5432.tcp")).toBe(20_002);
  });
});
