import { expect, test } from "vitest";
import { parseHostnames, zoneCandidates } from "../../../../../connector/operator/deploy/hostnames.ts";

test("parseHostnames normalises hostnames", () => {
  expect(parseHostnames("Edge.Example.com", "gateway.example.com")).toEqual({
    api: "edge.example.com",
    gateway: "gateway.example.com",
  });
});

test.each([
  ["10.0.0.1", "gateway.example.com", "--api"],
  ["edge", "gateway.example.com", "--api"],
  ["https://edge.example.com", "gateway.example.com", "--api"],
  ["edge.example.com:443", "gateway.example.com", "--api"],
  ["edge.example.com", "-gateway.example.com", "--gateway"],
  ["edge.example.com", "gateway.workers.dev", "zone of your own"],
  ["edge.example.com", "EDGE.example.com", "two hostnames"],
])("parseHostnames refuses --api %s --gateway %s", (api, gateway, why) => {
  expect(() => parseHostnames(api, gateway)).toThrow(why);
});

test("zoneCandidates returns the hostname and every domain above it but the top-level one", () => {
  expect(zoneCandidates("a.b.example.co.uk")).toEqual([
    "a.b.example.co.uk",
    "b.example.co.uk",
    "example.co.uk",
    "co.uk",
  ]);
  expect(zoneCandidates("example.com")).toEqual(["example.com"]);
});
