import { describe, expect, it } from "vitest";
import { trustedChain, trustedElements } from "../../../../../connector/http/server/forwarded-chain.ts";

const isTrusted = (address: string) => address.startsWith("10.") || address.startsWith("fd");

describe("trustedChain", () => {
  it.each([
    ["198.51.100.7", "198.51.100.7"],
    ["198.51.100.7, 10.0.0.2", "198.51.100.7, 10.0.0.2"],
    ["6.6.6.6, 198.51.100.7, 10.0.0.2, 10.0.0.1", "198.51.100.7, 10.0.0.2, 10.0.0.1"],
    ["10.9.9.9, 198.51.100.7", "198.51.100.7"],
    ["10.0.0.3, 10.0.0.2", "10.0.0.3, 10.0.0.2"],
    ["6.6.6.6, unknown, 10.0.0.2", "unknown, 10.0.0.2"],
    ["6.6.6.6,198.51.100.7:4711 , 10.0.0.2:80", "198.51.100.7:4711, 10.0.0.2:80"],
    ["6.6.6.6, 2001:db8::1, [fd00::2]:443, fd00::1", "2001:db8::1, [fd00::2]:443, fd00::1"],
    [", ,", ""],
    ["", ""],
  ])(
    "keeps of %j what stands right of the first address that is not trusted, and that: %j",
    (value, kept) => {
      expect(trustedChain(value, isTrusted)).toBe(kept);
    },
  );
});

describe("trustedElements", () => {
  it.each([
    ["for=198.51.100.7;proto=https", "for=198.51.100.7;proto=https"],
    ["for=6.6.6.6, for=198.51.100.7, For=10.0.0.2;by=10.0.0.1", "for=198.51.100.7, For=10.0.0.2;by=10.0.0.1"],
    [
      'for=6.6.6.6, for="[2001:db8::1]:1";host="a,b", proto=http;for="[fd00::2]"',
      'for="[2001:db8::1]:1";host="a,b", proto=http;for="[fd00::2]"',
    ],
    ["for=6.6.6.6, for=_hidden, for=10.0.0.2", "for=_hidden, for=10.0.0.2"],
    ["for=6.6.6.6, proto=https", "proto=https"],
    ['for="6.6.6.6, for=10.0.0.2', ""],
    ["", ""],
  ])("keeps of %j what counts: %j", (value, kept) => {
    expect(trustedElements(value, isTrusted)).toBe(kept);
  });
});
