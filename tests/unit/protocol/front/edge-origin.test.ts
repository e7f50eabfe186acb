import { describe, expect, it } from "vitest";
import { EdgeOrigin, parseEdgeOrigin } from "../../../../protocol/front/edge-origin.ts";

describe("EdgeOrigin", () => {
  it.each([
    ["https://edge.example", "https://edge.example"],
    ["https://edge.example/", "https://edge.example"],
    ["HTTPS://Edge.Example:443", "https://edge.example"],
    ["https://edge.example:8443", "https://edge.example:8443"],
    ["https://edge.example:", "https://edge.example"],
    ["https://127.0.0.1:8444", "https://127.0.0.1:8444"],
    ["https://[0:0::1]:8443", "https://[::1]:8443"],
    ["https://bücher.example", "https://xn--bcher-kva.example"],
  ])("parses %s into its canonical form", (text, canonical) => {
    expect(parseEdgeOrigin(text)).toBe(canonical);
    expect(EdgeOrigin.parse(text)).toBe(canonical);
    expect(EdgeOrigin.parse(canonical)).toBe(canonical);
  });

  it.each([
    "http://edge.example",
    "ws://edge.example",
    "wss://edge.example",
    "https:edge.example",
    "https:\\\\edge.example",
    "https:///edge.example",
    "https://",
    "https://user@edge.example",
    "https://user:secret@edge.example",
    "https://@edge.example",
    "https://edge.example/v1",
    "https://edge.example//",
    "https://edge.example/..",
    "https://edge.example?",
    "https://edge.example/?q",
    "https://edge.example#",
    "https://edge.example:0",
    "https://edge.example:65536",
    "https://edge.example.",
    "https://%65dge.example",
    "https://edge.example\\@other.example",
    " https://edge.example",
    "https://edge.example\n",
    "https://ed\tge.example",
    "https://edge.example other.example",
    "https://edge\u202e.example",
    "https://$(id).example",
    `https://${"a".repeat(300)}.example`,
    "javascript:alert(1)",
    "file:///etc/passwd",
    "edge.example",
    "",
  ])("refuses %j", (text) => {
    const canonical = parseEdgeOrigin(text);
    expect(EdgeOrigin.safeParse(text).success).toBe(canonical !== null);
    expect(canonical).toBeNull();
  });
});
