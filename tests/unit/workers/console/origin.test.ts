import { describe, expect, it } from "vitest";
import { isLoopbackName, isOwnPage } from "../../../../workers/console/origin.ts";

const ORIGIN = "https://edge.example";
const own = (method: string, headers: Record<string, string>) =>
  isOwnPage(new Request(`${ORIGIN}/v1/networks`, { method, headers }), ORIGIN);
const page = { origin: ORIGIN, "fairlead-console": "1" };

describe("isOwnPage", () => {
  it.each([
    ["GET", {}, true],
    ["GET", { "sec-fetch-site": "same-origin" }, true],
    ["GET", { "sec-fetch-site": "none" }, true],
    ["GET", { "sec-fetch-site": "same-site" }, false],
    ["GET", { "sec-fetch-site": "cross-site" }, false],
    ["POST", page, true],
    ["POST", { ...page, "sec-fetch-site": "same-origin" }, true],
    ["POST", { ...page, "sec-fetch-site": "same-site" }, false],
    ["POST", { ...page, "sec-fetch-site": "none" }, false],
    ["POST", { origin: ORIGIN }, false],
    ["POST", { "fairlead-console": "1" }, false],
    ["DELETE", { ...page, origin: "https://edge.example:444" }, false],
    ["PUT", { ...page, origin: "http://edge.example" }, false],
    ["PATCH", { ...page, origin: "null" }, false],
    ["GET", { upgrade: "websocket" }, false],
    ["GET", { upgrade: "websocket", origin: ORIGIN }, true],
    ["GET", { upgrade: "websocket", origin: "https://evil.example" }, false],
  ])("says of %s with %j: %s", (method, headers, expected) => {
    expect(own(method, headers as unknown as Record<string, string>)).toBe(expected);
  });
});

describe("isLoopbackName", () => {
  it.each([
    ["http://localhost:8442", true],
    ["http://127.0.0.1", true],
    ["http://[::1]:1", true],
    ["http://localhost.evil.example", false],
    ["http://127.0.0.1.evil.example", false],
    ["http://0.0.0.0:8442", false],
    ["http://evil.example:8442", false],
  ])("says of %s: %s", (url, expected) => {
    expect(isLoopbackName(new URL(url))).toBe(expected);
  });
});
