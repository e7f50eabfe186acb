import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findings } from "../../../protocol/diagnosis/findings.ts";
import type { Offer } from "../../../protocol/uplink/messages.ts";
import { migrate } from "../../../workers/registry/store/migrations.ts";
import { Store } from "../../../workers/registry/store/store.ts";
import { unwrap } from "../../../workers/result.ts";
import { admit, asking, type Member, offer, registryOf, TestUplink } from "../../support/workerd/member.ts";
import type { Operator } from "../../support/workerd/operator.ts";
import { closeShop, openShop } from "../../support/workerd/shop.ts";

let ops: Operator;
let west: Member;
let east: Member;
let north: Member;

beforeEach(async () => {
  ({ ops, west, east } = await openShop());
  north = await admit("shop", "north");
});
afterEach(closeShop);

const only = (name: string, ...to: string[]): Offer => ({ ...offer(name), to });
const services = async () => unwrap(await ops.registry.status()).services.map(({ name }) => name);

describe("a service that is exported to named sites", () => {
  it("is visible to these sites only, by name or id, in the welcome and in later notices", async () => {
    const named = await TestUplink.open(west);
    const other = await TestUplink.open(north);
    const provider = await TestUplink.open(east, { offers: [only("api", "west"), only("db", west.siteId)] });
    expect((await named.next("services")).put.map(({ name }) => name)).toEqual(["api", "db"]);
    await other.settle();
    expect(other.waiting("services")).toEqual([]);
    const [one, two] = [await TestUplink.dial(west), await TestUplink.dial(north)];
    expect((await one.greet()).services).toHaveLength(2);
    expect((await two.greet()).services).toEqual([]);
    // Sites that never saw the service are not notified of its end.
    provider.send({ type: "offers", offers: [] });
    expect((await named.next("services")).gone).toEqual(["api", "db"]);
    await other.settle();
    expect(other.waiting("services")).toEqual([]);
    expect(await services()).toEqual([]);
  });

  it("appears at a site when its scope is widened, and disappears when it is narrowed", async () => {
    const named = await TestUplink.open(west);
    const other = await TestUplink.open(north);
    const provider = await TestUplink.open(east, { offers: [only("api", "west")] });
    await named.next("services");
    provider.send({ type: "offers", offers: [offer("api")] });
    expect((await other.next("services")).put).toHaveLength(1);
    provider.send({ type: "offers", offers: [only("api", "north")] });
    expect((await named.next("services")).gone).toEqual(["api"]);
    await other.settle();
    expect(other.waiting("services")).toEqual([]);
    // For the network, no service appeared or ended.
    expect((await ops.events()).filter(({ type }) => type.startsWith("service."))).toHaveLength(1);
  });

  it("may name sites that do not exist yet, or that get the name later", async () => {
    await TestUplink.open(east, { offers: [only("api", "later")] });
    const other = await TestUplink.open(north);
    unwrap(await ops.registry.updateSite("north", { name: "later" }, "ops"));
    expect((await other.next("services")).put.map(({ name }) => name)).toEqual(["api"]);
    unwrap(await ops.registry.updateSite("later", { name: "north" }, "ops"));
    expect((await other.next("services")).gone).toEqual(["api"]);
  });

  it("gives other sites no session", async () => {
    const provider = await TestUplink.open(east, { offers: [only("api", "west")] });
    const [named, other] = [await TestUplink.open(west), await TestUplink.open(north)];
    expect(await other.request(provider, "api")).toBe("service.not_exported");
    expect(await named.request(provider, "api")).toMatchObject({ generation: 1 });
  });
});

describe("a service whose targets are down", () => {
  const healthEvents = async () =>
    (await ops.events())
      .filter(({ type }) => type === "service.unhealthy" || type === "service.healthy")
      .map(({ type, text, code, site }) => ({ type, text, code, site }));

  it("is an event with the reason when its targets go down, and another when one is back", async () => {
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    const down = { ...offer("api"), down: [80], why: "service.refused" };
    provider.send({ type: "offers", offers: [down] });
    provider.send({ type: "offers", offers: [{ ...down, why: "service.timeout" }] });
    provider.send({ type: "offers", offers: [offer("api")] });
    await provider.settle();
    expect(await healthEvents()).toEqual([
      {
        type: "service.unhealthy",
        text: "All targets of service api at site east are down. The service's target refused the connection.",
        code: "service.refused",
        site: "east",
      },
      {
        type: "service.healthy",
        text: "A target of service api at site east is up again.",
        code: undefined,
        site: "east",
      },
    ]);
    expect((await ops.events()).filter(({ type }) => type === "service.gone")).toEqual([]);
  });

  it("is an event of the port, and of an instance that starts with it", async () => {
    const two = { ...asking("api", 80), ports: [{ port: 80 }, { port: 90 }] };
    await TestUplink.open(east, { offers: [{ ...two, down: [90, 91], why: "service.newer" }] });
    expect(await healthEvents()).toEqual([
      {
        type: "service.unhealthy",
        text: "All targets of port 90 of service api at site east are down.",
        code: "service.newer",
        site: "east",
      },
    ]);
  });

  it("has the reason and the time in the status, which the findings repeat", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const start = Date.now();
    const at = (ms: number) => new Date(start + ms).toISOString();
    const [one, other] = [await TestUplink.open(east), await TestUplink.open(east)];
    const two = { ...asking("api", 80), ports: [{ port: 80 }, { port: 90 }] };
    const report = async (uplink: TestUplink, ms: number, down: readonly number[], why?: string) => {
      vi.setSystemTime(start + ms);
      uplink.send({ type: "offers", offers: [{ ...two, down, why }] });
      await uplink.settle();
      const status = unwrap(await ops.registry.status());
      const [found] = findings(status, { now: Date.now() }).filter(
        ({ subject }) => subject.kind === "service",
      );
      const { downCode, downSince } = status.services[0]?.sites[0] ?? {};
      expect(found?.since).toBe(downSince);
      return [downCode, downSince];
    };
    const nothing = [undefined, undefined];
    expect(await report(other, 1000, [])).toEqual(nothing);
    expect(await report(one, 2000, [80], "service.refused")).toEqual(nothing);
    // The last instance whose targets go down decides since when those of the site are.
    expect(await report(other, 3000, [80], "service.timeout")).toEqual(["service.timeout", at(3000)]);
    expect(await report(other, 4000, [80, 90], "service.newer")).toEqual(["service.newer", at(3000)]);
    expect(await report(other, 5000, [80])).toEqual([undefined, at(3000)]);
    expect(await report(one, 6000, [])).toEqual(nothing);
    expect(await report(one, 7000, [80], "service.refused")).toEqual(["service.refused", at(7000)]);
  });

  it("stays with its offer for connectors that know of ports, and is gone for others", async () => {
    const [now, before] = [await TestUplink.dial(west), await TestUplink.open(north)];
    await now.greet({ features: ["ports"] });
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    await now.next("services");
    await before.next("services");
    provider.send({ type: "offers", offers: [{ ...offer("api"), down: [80] }] });
    expect((await now.next("services")).put).toMatchObject([{ name: "api", offers: [{ down: [80] }] }]);
    expect((await before.next("services")).gone).toEqual(["api"]);
    expect(await services()).toEqual(["api"]);
  });
});

describe("what a site may offer", () => {
  const allow = async (mayOffer: string[] | null) =>
    unwrap(await ops.registry.updateSite("east", { mayOffer }, "ops"));

  it("is accepted; other offers are refused, reported to the connector, recorded once, and invisible", async () => {
    await allow(["web-*", "api"]);
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.dial(east);
    const offers = [offer("api"), offer("web-1"), offer("db")];
    const { refused } = await provider.greet({ offers });
    expect(refused).toMatchObject([{ name: "db", code: "service.forbidden" }]);
    expect((await consumer.next("services")).put.map(({ name }) => name)).toEqual(["api", "web-1"]);
    expect(await services()).toEqual(["api", "web-1"]);
    expect(await consumer.request(provider, "db")).toBe("service.unknown");
    // Repeating the offers, also after a reconnection, records no other event.
    provider.send({ type: "offers", offers: [...offers, offer("api", 81)] });
    const again = await TestUplink.dial(east, provider.boot);
    expect((await again.greet({ offers })).refused).toHaveLength(1);
    expect(await ops.events("service.refused")).toMatchObject([{ site: "east", code: "service.forbidden" }]);
  });

  it("withdraws offers when narrowed, and accepts them again when widened", async () => {
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east, { offers: [offer("api"), offer("db")] });
    await consumer.next("services");
    await allow(["api"]);
    expect((await consumer.next("services")).gone).toEqual(["db"]);
    expect((await provider.next("offers.refused")).refused).toMatchObject([{ name: "db" }]);
    expect(await ops.events("service.gone")).toMatchObject([{ site: "east" }]);
    await allow(null);
    expect((await consumer.next("services")).put.map(({ name }) => name)).toEqual(["db"]);
    expect((await provider.next("offers.refused")).refused).toEqual([]);
    expect(await services()).toEqual(["api", "db"]);
  });

  it("drops refused offers with their instance, and repeats no unchanged refusal", async () => {
    await allow([]);
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    provider.send({ type: "offers", offers: [offer("api"), offer("db")] });
    expect((await provider.next("offers.refused")).refused.map(({ name }) => name)).toEqual(["api", "db"]);
    provider.send({ type: "offers", offers: [offer("api"), offer("db")] });
    provider.send({ type: "offers", offers: [] });
    expect((await provider.next("offers.refused")).refused).toEqual([]);
    expect(await ops.rows("SELECT * FROM offers")).toEqual([]);
    expect(await ops.events("service.gone")).toEqual([]);
  });
});

describe("the port of a service", () => {
  const portOf = async (name: string) =>
    unwrap(await ops.registry.status()).services.find((service) => service.name === name)?.port;
  const portsAt = (line: TestUplink, name: string) =>
    line
      .waiting("services")
      .flatMap(({ put }) => put.filter((service) => service.name === name).map(({ port }) => port));

  it("is that of the first offer, and stays for other sites after the first offer has left", async () => {
    const consumer = await TestUplink.open(west);
    const first = await TestUplink.open(east, { offers: [offer("web", 8081)] });
    const second = await TestUplink.dial(north);
    const { ports, refused } = await second.greet({ offers: [offer("web", 8082)] });
    expect([ports, refused]).toEqual([[{ name: "web", port: 8081 }], []]);
    first.send({ type: "offers", offers: [] });
    await first.settle();
    await consumer.settle();
    expect(new Set(portsAt(consumer, "web"))).toEqual(new Set([8081]));
    expect(await portOf("web")).toBe(8081);
    expect(await ops.events("service.contested")).toMatchObject([
      { site: "north", text: expect.stringContaining("keeps its port 8081; the site proposed 8082") },
    ]);
  });

  it("refuses another that a site asks for, and changes nothing of the service", async () => {
    const consumer = await TestUplink.open(west);
    const first = await TestUplink.open(east, { offers: [asking("web", 8080)] });
    await consumer.next("services");
    const second = await TestUplink.open(north, { offers: [] });
    second.send({ type: "offers", offers: [asking("web", 9090), offer("db")] });
    const message = "Service web has port 8080 in this network, and this site asks for port 9090.";
    const refused = [{ name: "web", code: "service.port_conflict", message }];
    expect(await second.next("offers.refused")).toEqual({ type: "offers.refused", refused });
    expect((await consumer.next("services")).put.map(({ name }) => name)).toEqual(["db"]);
    expect(consumer.waiting("services")).toEqual([]);
    expect(await consumer.request(second, "web")).toBe("service.unknown");
    expect(await consumer.request(first, "web")).toMatchObject({ generation: 1 });
    const text =
      "Service web of site north is refused: it asks for port 9090, and site east offers the service at port 8080.";
    expect(await ops.events("service.refused")).toMatchObject([
      { site: "north", code: "service.port_conflict", text },
    ]);
    // The refused offer sets the port once the others have left.
    first.send({ type: "offers", offers: [] });
    expect((await second.next("offers.refused")).refused).toEqual([]);
    expect((await consumer.next("services")).put).toMatchObject([{ name: "web", port: 9090 }]);
  });

  it("changes when the last instance asks for another, and not when it proposes another", async () => {
    const provider = await TestUplink.open(east, { offers: [offer("web", 8081)] });
    provider.send({ type: "offers", offers: [offer("web", 8082)] });
    expect((await provider.next("offers.refused")).ports).toEqual([{ name: "web", port: 8081 }]);
    expect(await portOf("web")).toBe(8081);
    provider.send({ type: "offers", offers: [asking("web", 9000)] });
    expect((await provider.next("offers.refused")).ports).toBeUndefined();
    expect(await portOf("web")).toBe(9000);
  });

  it("is that of the new process when the only process of the only site is replaced", async () => {
    const former = await TestUplink.open(east, { offers: [offer("web", 8081)] });
    former.socket.close();
    await former.closed;
    await TestUplink.open(east, { offers: [offer("web", 8082)] });
    expect(await portOf("web")).toBe(8082);
  });

  it("survives a restart of the registry, with the offers", async () => {
    const first = await TestUplink.open(east, { offers: [offer("web", 8081)] });
    const second = await TestUplink.open(north, { offers: [offer("web", 8082)] });
    first.send({ type: "offers", offers: [] });
    await first.settle();
    await evictDurableObject(registryOf(west), { webSockets: "hibernate" });
    await second.settle();
    const consumer = await TestUplink.dial(west);
    expect((await consumer.greet()).services).toMatchObject([{ name: "web", port: 8081 }]);
  });

  it("is the oldest offer's where an older edge stored offers with different ports", async () => {
    await runInDurableObject(env.REGISTRY.getByName("ports"), (_, { storage }) => {
      migrate(storage, 1, 7);
      const columns = "(site, boot, service, protocol, port, since, refused)";
      for (const row of [
        "('s1', 'b1', 'web', 'tcp', 8081, 5, NULL)",
        "('s2', 'b2', 'web', 'tcp', 8082, 6, NULL)",
        "('s3', 'b3', 'web', 'tcp', 8083, 4, 'service.forbidden')",
      ]) {
        storage.sql.exec(`INSERT INTO offers ${columns} VALUES ${row}`);
      }
      for (const id of ["s1", "s2", "s3"]) {
        storage.sql.exec("INSERT INTO sites VALUES (?, ?, NULL, NULL, 'up', 1, 1, NULL)", id, id);
      }
      migrate(storage, 2);
      const stored = new Store(storage).offers.stored();
      expect(stored.map(({ servicePorts, wish }) => [...servicePorts, ...wish.ports])).toEqual([
        [8083, 8083],
        [8081, 8081],
        [8081, 8082],
      ]);
      // Removes everything: the object belongs to no network.
      storage.sql.exec("DELETE FROM migrations");
    });
  });
});

describe("the ports of a service", () => {
  const http = { port: 8080, protocol: "http" } as const;
  const tcp = { port: 9090, protocol: "tcp" } as const;
  const shop = (...ports: { port: number; protocol: "tcp" | "http" }[]) => ({
    name: "shop",
    protocol: ports[0]?.protocol ?? "tcp",
    port: ports[0]?.port ?? 0,
    ports,
  });
  const SEVERAL = { features: ["ports"] };

  it("are shown to a connector that knows several, with the ports that each site serves", async () => {
    await TestUplink.open(east, { offers: [shop(http, tcp)] });
    await TestUplink.open(north, { offers: [shop(tcp)] });
    const consumer = await TestUplink.dial(west);
    const [seen] = (await consumer.greet(SEVERAL)).services;
    expect(seen).toMatchObject({ name: "shop", ...http, ports: [http, tcp] });
    expect(seen?.offers.map(({ siteName, ports }) => [siteName, ports])).toEqual([
      ["east", undefined],
      ["north", [9090]],
    ]);
    const [described] = unwrap(await ops.registry.status()).services;
    expect(described).toMatchObject({ ...http, ports: [http, tcp] });
    expect(described?.sites.map(({ name, ports }) => [name, ports])).toEqual([
      ["east", undefined],
      ["north", [9090]],
    ]);
  });

  it("for UDP are shown to connectors that know UDP alone", async () => {
    const udp = { port: 53, protocol: "udp" } as const;
    // The protocol of the offer is one that every edge can read.
    const dns = { name: "dns", protocol: "tcp" as const, port: 53, ports: [udp] };
    await TestUplink.open(east, { offers: [dns, { ...shop(http), ports: [http, udp] }] });
    const knowing = await TestUplink.dial(west);
    expect((await knowing.greet({ features: ["ports", "udp"] })).services).toMatchObject([
      { name: "dns", ...udp },
      { name: "shop", ...http, ports: [http, udp] },
    ]);
    const without = await TestUplink.dial(west);
    const { services } = await without.greet(SEVERAL);
    expect(services).toMatchObject([{ name: "shop", ...http, ports: [http] }]);
    const older = await TestUplink.dial(west);
    expect((await older.greet({})).services).toMatchObject([{ name: "shop", ...http }]);
    expect(unwrap(await ops.registry.status()).services).toMatchObject([
      { name: "dns", ...udp },
      { name: "shop" },
    ]);
  });

  it("are one port to an older connector, which sees only sites that have it first", async () => {
    const older = await TestUplink.open(west);
    await TestUplink.open(east, { offers: [shop(http, tcp)] });
    await TestUplink.open(north, { offers: [shop(tcp, http)] });
    const { put } = await older.next("services");
    expect(put).toMatchObject([{ name: "shop", ...http, offers: [{ siteName: "east" }] }]);
    expect(put[0]?.ports).toBeUndefined();
    await older.settle();
    expect(older.waiting("services")).toEqual([]);
  });

  it("grow by those of a further site, and are refused to a site that shares none", async () => {
    const consumer = await TestUplink.open(west, SEVERAL);
    const first = await TestUplink.open(east, { offers: [asking("shop", 8080)] });
    expect((await consumer.next("services")).put[0]?.ports).toBeUndefined();
    await TestUplink.open(north, { offers: [shop({ ...http, protocol: "tcp" }, tcp)] });
    const grown = await consumer.next("services");
    expect(grown.put[0]?.ports).toEqual([{ ...http, protocol: "tcp" }, tcp]);
    expect(await ops.events("service.contested")).toMatchObject([
      { text: expect.stringContaining("The service has ports 8080 and 9090 now.") },
    ]);
    first.send({
      type: "offers",
      offers: [shop({ port: 1, protocol: "tcp" }, { port: 2, protocol: "tcp" })],
    });
    const message =
      "Service shop has ports 8080 and 9090 in this network, and this site asks for ports 1 and 2.";
    expect((await first.next("offers.refused")).refused).toMatchObject([
      { name: "shop", code: "service.port_conflict", message },
    ]);
  });

  it("are announced as down, which hides the site from an older connector, and keep the age of the offer", async () => {
    const older = await TestUplink.open(west);
    const consumer = await TestUplink.open(west, SEVERAL);
    const provider = await TestUplink.open(east, { offers: [shop(http, tcp)] });
    await Promise.all([older.next("services"), consumer.next("services")]);
    const since = () => ops.rows("SELECT since FROM offers");
    const before = await since();
    provider.send({ type: "offers", offers: [{ ...shop(http, tcp), down: [8080], kinds: ["exchange"] }] });
    expect((await consumer.next("services")).put[0]?.offers).toMatchObject([
      { down: [8080], kinds: ["exchange"] },
    ]);
    expect((await older.next("services")).gone).toEqual(["shop"]);
    expect(await since()).toEqual(before);
    const [described] = unwrap(await ops.registry.status()).services;
    expect(described?.sites).toMatchObject([{ name: "east", down: [8080] }]);
  });

  it("have listeners of their own at other sites, which are reported by port", async () => {
    const report = (port: number, state: "listening" | "failed") => ({
      ...{ service: "shop", port, address: `127.0.0.1:${port}`, state },
    });
    const consumer = await TestUplink.open(west, {
      listeners: [report(8080, "listening"), report(9090, "failed")],
    });
    const listeners = async () =>
      unwrap(await ops.registry.status())
        .sites.find(({ name }) => name === "west")
        ?.listeners.map(({ port, state }) => [port, state]);
    expect(await listeners()).toEqual([
      [8080, "listening"],
      [9090, "failed"],
    ]);
    consumer.send({ type: "listeners", listeners: [report(9090, "listening")] });
    await consumer.settle();
    expect(await listeners()).toEqual([[9090, "listening"]]);
    expect(await ops.events("listener.failed")).toHaveLength(1);
    expect(await ops.events("listener.restored")).toHaveLength(1);
  });
});

describe("the cost of an offer", () => {
  it("is that of the cheapest path, and a cheaper path is announced", async () => {
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    expect((await consumer.next("services")).put[0]?.offers[0]?.cost).toBe(2);
    await ops.link(west, "east", { cost: 7 });
    await consumer.settle();
    expect(consumer.waiting("services")).toEqual([]);
    await ops.link(east, "west", { cost: 1 });
    expect((await consumer.next("services")).put[0]?.offers[0]).toMatchObject({
      boot: provider.boot,
      cost: 1,
    });
  });

  it("changes when a link of the path is deleted, and no session with another path is cut", async () => {
    await ops.link(west, "east", { name: "direct", cost: 1 });
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    expect((await consumer.next("services")).put[0]?.offers[0]?.cost).toBe(1);
    expect(await consumer.request(provider, "api")).toMatchObject({ generation: 1 });
    const direct = (await ops.links()).find(({ name }) => name === "direct");
    unwrap(await ops.registry.deleteLink(direct?.id ?? "", "ops"));
    expect((await consumer.next("services")).put[0]?.offers[0]?.cost).toBe(2);
    await consumer.settle();
    expect(consumer.waiting("session.cut")).toEqual([]);
  });
});

describe("the balance of a service", () => {
  const balanced = (parts: object) => ({ ...offer("api"), ...parts });

  it("is that of the oldest offer, with the weight and rank of each", async () => {
    await TestUplink.open(east, { offers: [balanced({ balance: "weighted", weight: 70 })] });
    await TestUplink.open(north, { offers: [balanced({ balance: "priority", rank: 2 })] });
    const [api] = (await (await TestUplink.dial(west)).greet()).services;
    expect(api?.balance).toBe("weighted");
    expect(api?.offers.map(({ siteName, weight, rank }) => [siteName, weight, rank])).toEqual([
      ["east", 70, undefined],
      ["north", undefined, 2],
    ]);
    expect(unwrap(await ops.registry.status()).services).toMatchObject([
      { balance: { mode: "weighted", isSet: false }, sites: [{ weight: 70 }, { rank: 2 }] },
    ]);
  });

  it("is set by an operator in place of the offers, announced at once, and reset", async () => {
    const consumer = await TestUplink.open(west);
    await TestUplink.open(east, { offers: [balanced({ balance: "weighted", weight: 70 }), offer("db")] });
    await TestUplink.open(north, { offers: [balanced({ rank: 5 })] });
    await consumer.settle();
    consumer.received.length = 0;
    const order = ["north", east.siteId];
    const set = unwrap(
      await ops.registry.setBalance("api", { mode: "priority", order, weights: { north: 9 } }, "ops"),
    );
    expect(set).toEqual({
      ...{ service: "api", mode: "priority", order: ["north", "east"], weights: { north: 9 } },
    });
    const { put } = await consumer.next("services");
    expect(put.map(({ name, balance }) => [name, balance])).toEqual([["api", "priority"]]);
    expect(put[0]?.offers.map(({ siteName, weight, rank }) => [siteName, weight, rank])).toEqual([
      ["east", 70, 1],
      ["north", 9, 0],
    ]);
    expect(await ops.events("service.balanced")).toMatchObject([
      {
        actor: "ops",
        text: "Service api is balanced by priority, in the order north, east, with the weights north 9.",
      },
    ]);
    // A site that joins in later is in no order, and comes after the others.
    unwrap(await ops.registry.setBalance("api", { mode: "priority", order: ["north"] }, "ops"));
    expect((await consumer.next("services")).put[0]?.offers.map(({ rank }) => rank)).toEqual([1, 0]);
    unwrap(await ops.registry.setBalance("api", null, "ops"));
    expect((await consumer.next("services")).put[0]).toMatchObject({
      balance: "weighted",
      offers: [{ weight: 70 }, { rank: 5 }],
    });
    expect(unwrap(await ops.registry.balance("api"))).toEqual({
      ...{ service: "api", mode: null, order: [], weights: {} },
    });
  });

  it("outlives the offers and the registry, and is refused for an unknown service or site", async () => {
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    unwrap(await ops.registry.setBalance("api", { mode: "weighted", weights: { east: 0 } }, "ops"));
    provider.send({ type: "offers", offers: [] });
    await provider.settle();
    await evictDurableObject(registryOf(west), { webSockets: "hibernate" });
    provider.send({ type: "offers", offers: [offer("api")] });
    await provider.settle();
    const [api] = (await (await TestUplink.dial(west)).greet()).services;
    expect(api).toMatchObject({ balance: "weighted", offers: [{ weight: 0 }] });
    const refused = async (service: string, order: string[]) =>
      (await ops.registry.setBalance(service, { mode: "priority", order }, "ops")) as {
        error?: { code?: string };
      };
    expect(await refused("apo", ["east"])).toMatchObject({ error: { code: "service.unknown" } });
    expect(await refused("api", ["nowhere"])).toMatchObject({ error: { code: "site.unknown" } });
  });
});
