import { describe, expect, it } from "vitest";
import { proxyHeaderV1, proxyHeaderV2 } from "../../../../connector/targets/proxy-header.ts";

const site = { id: "site_1", name: "west" };
const four = { address: "127.0.0.1", port: 80 };
const six = { address: "2001:db8::1", port: 443 };
const SIGNATURE = "0d0a0d0a000d0a515549540a";
/** 0xE0 and 0xE1, each with its length and value. */
const SITE = `e00006${Buffer.from("site_1").toString("hex")}e10004${Buffer.from("west").toString("hex")}`;

describe("proxyHeaderV1", () => {
  it.each([
    ["IPv4", { address: "192.0.2.7", port: 1234 }, four, "PROXY TCP4 192.0.2.7 127.0.0.1 1234 80\r\n"],
    ["IPv6", { address: "2001:db8::2", port: 1 }, six, "PROXY TCP6 2001:db8::2 2001:db8::1 1 443\r\n"],
    [
      "a mapped IPv4 address",
      { address: "::ffff:192.0.2.7", port: 1 },
      four,
      "PROXY TCP4 192.0.2.7 127.0.0.1 1 80\r\n",
    ],
    [
      "two families",
      { address: "192.0.2.7", port: 1 },
      six,
      "PROXY TCP6 ::ffff:c000:207 2001:db8::1 1 443\r\n",
    ],
    ["no client", null, four, "PROXY UNKNOWN\r\n"],
    ["a client without an IP address", { address: "unknown", port: 0 }, four, "PROXY UNKNOWN\r\n"],
  ])("writes %s", (_, source, destination, text) => {
    expect(String(proxyHeaderV1({ source, destination, site }))).toBe(text);
  });
});

describe("proxyHeaderV2", () => {
  const hex = (source: { address: string; port: number } | null, destination = four) =>
    proxyHeaderV2({ source, destination, site }).toString("hex");

  it("writes IPv4 addresses and the site", () => {
    expect(hex({ address: "192.0.2.7", port: 258 })).toBe(
      `${SIGNATURE}2111001c${"c0000207"}7f000001${"01020050"}${SITE}`,
    );
  });

  it("writes IPv6 addresses and the site", () => {
    const source = { address: "2001:db8::2", port: 1 };
    const addresses = "20010db8000000000000000000000002" + "20010db8000000000000000000000001";
    expect(hex(source, six)).toBe(`${SIGNATURE}21210034${addresses}000101bb${SITE}`);
  });

  it("writes the site alone where the client is not known", () => {
    expect(hex(null)).toBe(`${SIGNATURE}20000010${SITE}`);
  });
});
