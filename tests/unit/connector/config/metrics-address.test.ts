import { describe, expect, it } from "vitest";
import { formatMetricsAddress, parseMetricsAddress } from "../../../../connector/config/metrics-address.ts";

describe("parseMetricsAddress", () => {
  it.each([
    ["127.0.0.1:9464", { host: "127.0.0.1", port: 9464 }],
    ["[::1]:80", { host: "::1", port: 80 }],
    ["*:9464", { host: null, port: 9464 }],
  ])("reads %s, which is written as it was given", (text, address) => {
    expect(parseMetricsAddress(text)).toEqual(address);
    expect(formatMetricsAddress(address)).toBe(text);
  });

  it("takes off for no address", () => {
    expect(parseMetricsAddress("off")).toBeNull();
  });

  it.each([
    "",
    "9464",
    ":9464",
    "localhost:9464",
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "::1:80",
    "[*]:1",
  ])("refuses %j", (text) => {
    expect(() => parseMetricsAddress(text)).toThrow(`"${text}": `);
  });
});
