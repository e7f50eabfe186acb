import { describe, expect, it } from "vitest";
import { RESOLVERS, resolverConfig } from "../../../../connector/dns/resolver-config.ts";

const SERVERS = [
  { host: "127.0.0.2", port: 5300 },
  { host: "fd00::1", port: 53 },
];

describe("resolverConfig", () => {
  it.each(RESOLVERS)("names every server and domain for %s", (resolver) => {
    const { text, path, notes } = resolverConfig(resolver, SERVERS, ["shop.internal", "corp.example.com"]);
    for (const part of ["127.0.0.2", "fd00::1", "shop.internal", "corp.example.com"])
      expect(text).toContain(part);
    expect(text.endsWith("\n")).toBe(true);
    expect(path).not.toBe("");
    for (const note of notes) expect(note).toMatch(/^[A-Za-z_-].*\.$/);
  });

  it("says that resolv.conf has no ports", () => {
    const about = (port: number) =>
      resolverConfig("resolv.conf", [{ host: "127.0.0.2", port }], ["a.b"]).notes.join(" ");
    expect(about(5300)).toContain("no ports");
    expect(about(53)).not.toContain("no ports");
    expect(about(53)).toContain("musl");
  });

  it("searches no reverse zone", () => {
    const { text } = resolverConfig("resolv.conf", SERVERS, ["a.b", "2.127.in-addr.arpa"]);
    expect(text).toContain("search a.b\n");
    expect(resolverConfig("dnsmasq", SERVERS, ["a.b", "2.127.in-addr.arpa"]).text).toContain(
      "server=/2.127.in-addr.arpa/",
    );
  });

  it("lets unbound ask a server at a loopback address only where there is one", () => {
    const text = (host: string) => resolverConfig("unbound", [{ host, port: 53 }], ["a.b"]).text;
    expect(text("127.0.0.2")).toContain("do-not-query-localhost: no");
    expect(text("10.0.0.1")).not.toContain("do-not-query-localhost");
  });
});
