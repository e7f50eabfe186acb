import { describe, expect, it } from "vitest";
import { entryFor, parseProxyProtocol, parseTargetTls } from "../../../../connector/config/target-options.ts";

const invalid = (text: string | RegExp) =>
  expect.objectContaining({ code: "request.invalid", message: expect.stringMatching(text) });

describe("parseTargetTls", () => {
  it("reads the certificates, the name and the port", () => {
    expect(parseTargetTls("api=on")).toEqual({ name: "api", isInsecure: false });
    expect(parseTargetTls("api=insecure")).toEqual({ name: "api", isInsecure: true });
    expect(parseTargetTls("shop:8443=ca=/ca.pem,name=shop.internal,cert=/c.pem,key=/k.pem")).toEqual({
      name: "shop",
      port: 8443,
      ca: "/ca.pem",
      serverName: "shop.internal",
      certificate: { cert: "/c.pem", key: "/k.pem" },
      isInsecure: false,
    });
    expect(parseTargetTls("api=insecure,name=x")).toMatchObject({ serverName: "x", isInsecure: true });
  });

  it.each([
    ["api", "the form is"],
    ["api=", "the form is"],
    ["api=off", "the form is"],
    ["api=ca=", "the form is"],
    ["api=ca=/a,ca=/b", "ca is given twice"],
    ["api=cert=/c.pem", "cert and key are given together"],
    ["api=insecure,ca=/ca.pem", "a CA is not used with insecure"],
    ["api:0=on", "a port is a number"],
    ["api:80:81=on", "the form is"],
    ["API=on", "API"],
  ])("refuses %s", (text, why) => {
    expect(() => parseTargetTls(text)).toThrow(invalid(why));
  });
});

describe("parseProxyProtocol", () => {
  it("reads the version and the port", () => {
    expect(parseProxyProtocol("api=v1")).toEqual({ name: "api", version: "v1" });
    expect(parseProxyProtocol("api:80=v2")).toEqual({ name: "api", port: 80, version: "v2" });
  });

  it.each(["api", "api=v3", "api=1"])("refuses %s", (text) => {
    expect(() => parseProxyProtocol(text)).toThrow(invalid("the form is"));
  });
});

describe("entryFor", () => {
  const entries = [
    parseProxyProtocol("api:81=v1"),
    parseProxyProtocol("api=v2"),
    parseProxyProtocol("db:5=v1"),
  ];

  it("prefers the entry of the port to that of the service", () => {
    expect(entryFor(entries, "api", 81)?.version).toBe("v1");
    expect(entryFor(entries, "api", 80)?.version).toBe("v2");
    expect(entryFor(entries, "api", null)?.version).toBe("v2");
  });

  it("is null for other services and other ports", () => {
    expect(entryFor(entries, "web", 81)).toBeNull();
    expect(entryFor(entries, "db", null)).toBeNull();
  });
});
