import { describe, expect, it } from "vitest";
import { type Environment, parseProxy, proxyFor } from "../../../../connector/net/proxy.ts";

const EDGE = "wss://edge.test/v1/uplink";
const hostOf = (environment: Environment, url = EDGE) => proxyFor(url, environment)?.host ?? null;

/** The error of a call, with all that it shows. */
function failureOf(call: () => unknown): { code: string; text: string } {
  try {
    call();
  } catch (thrown) {
    const { code, message, action } = thrown as { code: string; message: string; action: string };
    return { code, text: `${message} ${action}` };
  }
  throw new Error("The call did not throw.");
}

describe("proxyFor", () => {
  it("finds no proxy where the environment names none, or an empty one", () => {
    expect(proxyFor(EDGE, {})).toBeNull();
    expect(proxyFor(EDGE, { HTTPS_PROXY: "", ALL_PROXY: " " })).toBeNull();
  });

  it("takes the proxy of HTTPS_PROXY or ALL_PROXY in either case, the lower one first", () => {
    expect(hostOf({ HTTPS_PROXY: "http://one.test" })).toBe("one.test");
    expect(hostOf({ ALL_PROXY: "http://two.test" })).toBe("two.test");
    expect(hostOf({ all_proxy: "http://three.test" })).toBe("three.test");
    expect(hostOf({ HTTPS_PROXY: "http://one.test", https_proxy: "http://four.test" })).toBe("four.test");
    expect(hostOf({ ALL_PROXY: "http://two.test", HTTPS_PROXY: "http://one.test" })).toBe("one.test");
    expect(hostOf({ HTTP_PROXY: "http://five.test" })).toBeNull();
  });

  it("names the variable whose proxy it takes", () => {
    expect(proxyFor(EDGE, { ALL_PROXY: "socks5://p" })?.variable).toBe("ALL_PROXY");
  });

  it("takes a proxy for https and wss alone", () => {
    const environment = { HTTPS_PROXY: "http://p.test" };
    expect(hostOf(environment, "https://edge.test/v1")).toBe("p.test");
    expect(hostOf(environment, "http://edge.test/v1")).toBeNull();
  });

  it("finds no proxy for a host that NO_PROXY or no_proxy excludes", () => {
    const HTTPS_PROXY = "http://p.test";
    expect(hostOf({ HTTPS_PROXY, NO_PROXY: "other.test, edge.test" })).toBeNull();
    expect(hostOf({ HTTPS_PROXY, no_proxy: "edge.test:443" })).toBeNull();
    expect(hostOf({ HTTPS_PROXY, NO_PROXY: "edge.test:8443" })).toBe("p.test");
    expect(hostOf({ HTTPS_PROXY, NO_PROXY: "::1" }, "wss://[::1]:8444/")).toBeNull();
  });

  it("ignores a proxy that cannot be used where NO_PROXY excludes the host", () => {
    expect(proxyFor(EDGE, { HTTPS_PROXY: "ftp://p", NO_PROXY: "*" })).toBeNull();
  });
});

describe("parseProxy", () => {
  it.each([
    ["proxy.test:3128", "http://proxy.test:3128"],
    ["proxy.test", "http://proxy.test:80"],
    ["http://proxy.test", "http://proxy.test:80"],
    ["https://proxy.test", "https://proxy.test:443"],
    ["https://proxy.test:3129/", "https://proxy.test:3129"],
    ["HTTP://proxy.test:3128", "http://proxy.test:3128"],
    ["[::1]:3128", "http://[::1]:3128"],
    ["10.0.0.1:3128", "http://10.0.0.1:3128"],
    ["socks5://proxy.test", "socks5://proxy.test:1080"],
    ["socks5h://[fd00::1]:9050", "socks5h://[fd00::1]:9050"],
  ])("reads %s as %s", (value, origin) => {
    expect(parseProxy(value, "HTTPS_PROXY")).toMatchObject({ origin, credentials: null });
  });

  it.each([
    ["user:pass@proxy.test:3128", { user: "user", password: "pass" }],
    ["http://user@proxy.test", { user: "user", password: "" }],
    ["http://a%40b:p%25%3A%23@proxy.test", { user: "a@b", password: "p%:#" }],
    ["socks5://us%20er:p%C3%A4ss@proxy.test", { user: "us er", password: "päss" }],
  ])("reads user and password of %s", (value, credentials) => {
    const proxy = parseProxy(value, "HTTPS_PROXY");
    expect(proxy.credentials).toEqual(credentials);
    expect(proxy.origin).toMatch(/\/\/proxy\.test:\d+$/);
  });

  it("names the kinds that it knows for another", () => {
    const { code, text } = failureOf(() => parseProxy("socks4://user:hunter2@proxy.test", "ALL_PROXY"));
    expect(code).toBe("proxy.failed");
    expect(text).toContain("ALL_PROXY names a proxy of the unknown kind socks4");
    expect(text).toContain("socks5h://");
    expect(text).not.toContain("hunter2");
  });

  it.each([
    ["http://user:hunter2%@proxy.test:3128", "%25"],
    ["http://user:hunter2%zz@proxy.test:3128", "%25"],
    ["http://user:hunter2%ff@proxy.test:3128", "%25"],
    ["http://user:hunter2#x@proxy.test:3128", "percent-encoded"],
    ["http://user:12/hunter2@proxy.test:3128", "percent-encoded"],
    ["http://user:12?hunter2@proxy.test:3128", "percent-encoded"],
    ["http://user:hunter2@proxy.test:port", "percent-encoded"],
    ["http://user:hunter2@", "percent-encoded"],
    [`socks5://user:hunter2${"x".repeat(256)}@proxy.test`, "255 bytes"],
  ])("says what is wrong with %s, without its password", (value, advice) => {
    const { code, text } = failureOf(() => parseProxy(value, "HTTPS_PROXY"));
    expect(code).toBe("proxy.failed");
    expect(text).toContain(advice);
    expect(text).toContain("HTTPS_PROXY");
    expect(text).not.toContain("hunter2");
  });
});
