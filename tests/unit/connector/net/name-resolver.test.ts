import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { NameResolver, type NameResolverOptions } from "../../../../connector/net/name-resolver.ts";
import { dialTarget } from "../../../../connector/targets/dial-target.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { temporaryDirectory } from "../../../support/process/directories.ts";
import { type DnsServer, dnsServer } from "../../../support/traffic/dns-server.ts";
import { tcpServer } from "../../../support/traffic/sockets.ts";

async function make(
  dns: DnsServer,
  more: NameResolverOptions & { resolvConf?: string; hosts?: string } = {},
) {
  const directory = await temporaryDirectory();
  const files = { hosts: join(directory, "hosts"), resolvConf: join(directory, "resolv.conf") };
  await writeFile(files.hosts, more.hosts ?? "");
  // Without a search domain, the machine's own name would decide.
  await writeFile(files.resolvConf, more.resolvConf ?? "search nowhere.test\n");
  return { files, resolver: new NameResolver({ servers: [dns.at], files, fallback: null, ...more }) };
}

const code = (value: string) => expect.objectContaining({ code: value });

describe("NameResolver.resolve", () => {
  it("returns the addresses of both families", async () => {
    const { resolver } = await make(
      await dnsServer({ "A db.example": ["127.0.0.1"], "AAAA db.example": ["::1"] }),
    );
    const found = await resolver.resolve("db.example");
    expect(found.map(({ address }) => address).sort()).toEqual(["127.0.0.1", "::1"]);
    expect(await resolver.resolve("127.9.9.9")).toEqual([{ address: "127.9.9.9", family: 4 }]);
  });

  it("uses the current search domains of resolv.conf, and the hosts file before DNS", async () => {
    const dns = await dnsServer({ "A db.shop.svc.cluster.local": ["127.0.0.7"] });
    const { resolver, files } = await make(dns, {
      hosts: "127.0.0.8 listed\n",
      resolvConf: "search shop.svc.cluster.local svc.cluster.local\noptions ndots:5\n",
    });
    expect(await resolver.resolve("db")).toEqual([{ address: "127.0.0.7", family: 4 }]);
    expect(await resolver.resolve("LISTED")).toEqual([{ address: "127.0.0.8", family: 4 }]);
    expect(dns.questions.some((question) => question.includes("listed"))).toBe(false);
    await writeFile(files.hosts, "127.0.0.9 listed more\n");
    expect(await resolver.resolve("listed")).toEqual([{ address: "127.0.0.9", family: 4 }]);
  });

  it("resolves localhost without a hosts file", async () => {
    const { resolver } = await make(await dnsServer());
    const found = await resolver.resolve("localhost");
    expect(found.map(({ address }) => address).sort()).toEqual(["127.0.0.1", "::1"]);
  });

  it("shares a look-up between callers, and caches its answer for the TTL and a missing answer briefly", async () => {
    const dns = await dnsServer({ "A db.example": ["127.0.0.1"] });
    let now = 0;
    const { resolver } = await make(dns, { now: () => now });
    await Promise.all(Array.from({ length: 100 }, () => resolver.resolve("db.example")));
    expect(dns.questions.filter((question) => question === "A db.example")).toHaveLength(1);
    now = 29_000;
    await resolver.resolve("db.example");
    expect(dns.questions.filter((question) => question === "A db.example")).toHaveLength(1);
    now = 31_000;
    await resolver.resolve("db.example");
    expect(dns.questions.filter((question) => question === "A db.example")).toHaveLength(2);

    await expect(resolver.resolve("none.example")).rejects.toEqual(code("ENOTFOUND"));
    await expect(resolver.resolve("none.example")).rejects.toEqual(code("ENOTFOUND"));
    expect(dns.questions.filter((question) => question === "A none.example")).toHaveLength(1);
    dns.records.set("A none.example", ["127.0.0.2"]);
    now = 33_000;
    expect(await resolver.resolve("none.example")).toEqual([{ address: "127.0.0.2", family: 4 }]);
  });

  it("does not wait for a family whose query is never answered", async () => {
    const dns = await dnsServer({ "A db.example": ["127.0.0.1"] });
    dns.silent.add("AAAA db.example");
    const { resolver } = await make(dns);
    expect(await resolver.resolve("db.example")).toEqual([{ address: "127.0.0.1", family: 4 }]);
  });

  it("calls the fallback for names that DNS does not know, one at a time", async () => {
    const gate = Promise.withResolvers<void>();
    let asking = 0;
    const fallback = vi.fn(async (name: string) => {
      asking++;
      await gate.promise;
      asking--;
      return [{ address: name === "one" ? "127.0.0.1" : "127.0.0.2", family: 4 as const }];
    });
    const { resolver } = await make(await dnsServer(), { fallback, timeoutMs: 60_000 });
    const both = ["one", "two"].map((name) => resolver.resolve(name));
    await eventually("the system is asked", () => asking === 1);
    gate.resolve();
    const found = await Promise.all(both);
    expect(found.flat().map(({ address }) => address)).toEqual(["127.0.0.1", "127.0.0.2"]);
    expect(fallback).toHaveBeenCalledTimes(2);
  });
});

describe("a name whose DNS server never answers", () => {
  it("is queried once for all callers, and delays no other name, file or target", async () => {
    const { port } = await tcpServer((socket) => socket.end("served"));
    const dns = await dnsServer({ "A good.example": ["127.0.0.1"] });
    dns.silent.add("stuck.example");
    const { resolver } = await make(dns, { timeoutMs: 3000 });
    let settled = 0;
    const stuck = Array.from({ length: 300 }, () =>
      dialTarget({ host: "stuck.example", port }, { names: resolver }).finally(() => settled++),
    );
    for (const each of stuck) each.catch(() => {});
    await eventually("it is asked for", () => dns.questions.includes("A stuck.example"));
    const socket = await dialTarget({ host: "good.example", port }, { names: resolver });
    socket.destroy();
    await readFile(import.meta.filename);
    expect(settled).toBe(0);
    for (const each of stuck) await expect(each).rejects.toEqual(code("service.timeout"));
    // At most two queries: c-ares repeats an unanswered query once.
    expect(dns.questions.filter((question) => question === "A stuck.example").length).toBeLessThanOrEqual(2);
    const asked = dns.questions.length;
    await expect(resolver.resolve("stuck.example")).rejects.toEqual(code("ETIMEOUT"));
    expect(dns.questions).toHaveLength(asked);
  });

  it("counts against the limit of look-ups, beyond which a name fails at once", async () => {
    const dns = await dnsServer();
    for (let at = 0; at < 3; at++) dns.silent.add(`stuck${at}.example`);
    const { resolver } = await make(dns, { limit: 3, timeoutMs: 500 });
    const stuck = [0, 1, 2].map((at) => resolver.resolve(`stuck${at}.example`));
    for (const each of stuck) each.catch(() => {});
    await expect(resolver.resolve("more.example")).rejects.toEqual(code("EBUSY"));
    for (const each of stuck) await expect(each).rejects.toEqual(code("ETIMEOUT"));
    await expect(resolver.resolve("more.example")).rejects.toEqual(code("ENOTFOUND"));
  });
});

describe("NameResolver.lookup in net.connect", () => {
  it("lets the dial try the next address, of either family, when one does not answer", async () => {
    const { port } = await tcpServer((socket) => socket.end("served"));
    const dns = await dnsServer({
      "A mixed.example": ["127.0.0.9", "127.0.0.1"],
      "AAAA mixed.example": ["::1"],
    });
    const { resolver } = await make(dns);
    const socket = await dialTarget({ host: "mixed.example", port }, { names: resolver });
    expect(socket.remoteAddress).toBe("127.0.0.1");
    socket.destroy();
  });
});
