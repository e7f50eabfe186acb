import { describe, expect, it } from "vitest";
import { DEFAULT_RULES, healthKey, parseHealth } from "../../../../connector/config/health-options.ts";

describe("parseHealth", () => {
  it("reads a check with the defaults", () => {
    expect(parseHealth("db=tcp")).toEqual({ name: "db", check: { kind: "tcp" }, ...DEFAULT_RULES });
    expect(parseHealth("api=http:/healthz")).toEqual({
      name: "api",
      check: { kind: "http", path: "/healthz", status: { from: 200, to: 399 } },
      ...DEFAULT_RULES,
    });
    expect(parseHealth("cart=grpc").check).toEqual({ kind: "grpc" });
    expect(parseHealth("cart=grpc:shop.Cart").check).toEqual({ kind: "grpc", service: "shop.Cart" });
    expect(parseHealth("batch=off")).toEqual({ name: "batch", check: { kind: "off" }, ...DEFAULT_RULES });
  });

  it("reads settings, and the port that the check is for", () => {
    const text =
      "api:8080=http:/up?full=1,interval=1m,timeout=5s,fall=2,rise=1,status=200,host=api.internal:80";
    const health = parseHealth(text);
    expect(health).toEqual({
      name: "api",
      port: 8080,
      check: {
        kind: "http",
        path: "/up?full=1",
        host: "api.internal:80",
        status: { from: 200, to: 200 },
      },
      intervalMs: 60_000,
      timeoutMs: 5000,
      fall: 2,
      rise: 1,
    });
    expect(healthKey(health)).toBe("api:8080");
  });

  it.each([
    ["api", "the form is NAME[:PORT]="],
    ["api=", "the form is"],
    ["api=ping", "the form is"],
    ["api=tcp:80", "the form is"],
    ["API=tcp", '"API=tcp"'],
    ["api:0=tcp", "a port is a number"],
    ["api:1:2=tcp", "the form is"],
    ["api=http:healthz", "the path of an http check begins with /"],
    ["api=http:/a b", "the path of an http check begins with /"],
    ["api=http:/a#b", "the path of an http check begins with /"],
    ["api=http:/,host=a b", '"a b" is no host'],
    ["api=http:/,status=99", "status is a status or a range"],
    ["api=http:/,status=300-200", "status is a status or a range"],
    ["api=grpc:a b", "no name of a gRPC service"],
    ["api=tcp,status=200", 'tcp has no setting "status"'],
    ["api=off,interval=5s", 'off has no setting "interval"'],
    ["api=tcp,interval", "has no value"],
    ["api=tcp,fall=1,fall=2", "fall is given twice"],
    ["api=tcp,fall=0", "fall is a number from 1 to 100"],
    ["api=tcp,rise=1000", "rise is a number from 1 to 100"],
    ["api=tcp,interval=0s", "interval is a duration from 1s to 3600s"],
    ["api=tcp,timeout=2m", "timeout is a duration from 1s to 60s"],
  ])("refuses %s", (text, why) => {
    expect(() => parseHealth(text)).toThrow(why);
  });
});
