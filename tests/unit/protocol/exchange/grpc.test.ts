import { describe, expect, it } from "vitest";
import { grpcTimeoutMs, isGrpc } from "../../../../protocol/exchange/grpc.ts";

describe("isGrpc", () => {
  it.each([
    ["application/grpc", true],
    ["application/grpc+proto", true],
    ["application/grpc;charset=utf-8", true],
    ["application/grpc ; a=b", true],
    ["Application/GRPC+json", true],
    ["application/grpc-web", false],
    ["application/grpc-web+proto", false],
    ["application/grpc-web-text", false],
    ["application/grpcx", false],
    ["text/application/grpc", false],
  ])("says of %j: %s", (type, expected) => {
    expect(isGrpc({ fields: ["content-type", type] })).toBe(expected);
  });

  it("says no of a request without a type", () => {
    expect(isGrpc({ fields: [] })).toBe(false);
  });
});

describe("grpcTimeoutMs", () => {
  it.each([
    ["2H", 7_200_000],
    ["3M", 180_000],
    ["4S", 4000],
    ["5m", 5],
    ["6000u", 6],
    ["7000000n", 7],
    ["123456789S", null],
    ["1", null],
    ["-1S", null],
    ["1s", null],
  ])("reads %j as %s ms", (value, ms) => {
    expect(grpcTimeoutMs({ fields: ["grpc-timeout", value] })).toBe(ms);
  });
});
