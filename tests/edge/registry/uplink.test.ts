import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findings } from "../../../protocol/diagnosis/findings.ts";
import { EDGE_FEATURES } from "../../../protocol/uplink/messages.ts";
import { OFFER_GRACE_MS } from "../../../workers/registry/policy/uplinks.ts";
import { bootIdOf } from "../../support/authority/test-site.ts";
import { call } from "../../support/workerd/client.ts";
import {
  admit,
  asking,
  events,
  eventTypes,
  linkIn,
  type Member,
  offer,
  PATIENCE,
  registryOf,
  status,
  TestUplink,
} from "../../support/workerd/member.ts";
import { closeShop, openShop } from "../../support/workerd/shop.ts";
import { runSql } from "../../support/workerd/stored.ts";

let west: Member;
let east: Member;

beforeEach(async () => {
  ({ west, east } = await openShop());
});
afterEach(closeShop);

const instance = (uplink: TestUplink) => ({
  site: uplink.member.siteId,
  siteName: uplink.member.name,
  boot: uplink.boot,
  // The path over the network has two links.
  cost: 2,
});

/** Ends the grace of every lost offer, and runs the alarm. */
async function graceEnds(): Promise<boolean> {
  await runSql(west, "UPDATE offers SET lost_at = lost_at - ?", OFFER_GRACE_MS);
  return runDurableObjectAlarm(registryOf(west));
}

const storedOffers = () =>
  runInDurableObject(registryOf(west), (_, { storage }) =>
    storage.sql.exec("SELECT service, boot, lost_at FROM offers ORDER BY service").toArray(),
  );

/** Waits until the registry has recorded the loss of an uplink. */
async function untilDown(site: string): Promise<void> {
  const down = async () => (await events("shop", "site.down")).map((event) => event.site);
  await vi.waitFor(async () => expect(await down()).toContain(site), PATIENCE);
}

describe("a hello", () => {
  it("is answered with the site's identity, its links and what it sees", async () => {
    const provider = await TestUplink.open(east, { offers: [offer("api", 9000)] });
    const uplink = await TestUplink.dial(west);
    const asked = Date.now();
    const welcome = await uplink.greet();
    expect(welcome).toMatchObject({
      features: [...EDGE_FEATURES],
      version: 1,
      network: { id: west.networkId, name: "shop" },
      site: { id: west.siteId, name: "west" },
      links: [{ id: linkIn(west.admission).id, name: "link1", issuer: "network", state: "up" }],
      services: [{ name: "api", protocol: "tcp", port: 9000, offers: [instance(provider)] }],
    });
    expect(welcome.time).toBeGreaterThanOrEqual(asked);
    expect(welcome.time).toBeLessThanOrEqual(Date.now());
  });

  it("brings the site and its link up", async () => {
    await TestUplink.open(west);
    expect(await eventTypes("shop")).toEqual(["site.up", "link.up"]);
    const { sites, links } = await status("shop");
    expect(sites.map(({ name, state }) => [name, state])).toEqual([
      ["east", "down"],
      ["west", "up"],
    ]);
    expect(links.map(({ joiner, state, code }) => [joiner, state, code])).toEqual([
      ["west", "up", undefined],
      ["east", "down", "uplink.lost"],
    ]);
  });

  it("leaves a link down if its certificate is missing, another's or malformed", async () => {
    const uplink = await TestUplink.dial(west);
    const welcome = await uplink.greet({ links: [linkIn(east.admission).certificate, "rubbish", "AAAA"] });
    expect(welcome.links).toMatchObject([{ state: "down", code: "certificate.required" }]);
    expect(await eventTypes("shop")).toEqual(["site.up", "link.down"]);
  });

  it("reaches what its link connects it to even while the link is down for lack of a certificate", async () => {
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    const uplink = await TestUplink.dial(west);
    const welcome = await uplink.greet({ links: [] });
    expect(welcome.links).toMatchObject([{ state: "down", code: "certificate.required" }]);
    expect(welcome.services).toMatchObject([{ name: "api" }]);
    expect(await uplink.request(provider, "api")).toMatchObject({ generation: 1 });
  });

  it("uses the highest version that both support", async () => {
    const uplink = await TestUplink.dial(west);
    expect((await uplink.greet({ versions: { min: 1, max: 7 } })).version).toBe(1);
  });

  it("does not bring up a site that is revoked at the same moment", async () => {
    const uplink = await TestUplink.dial(west);
    uplink.send(uplink.hello({ offers: [offer("api")] }));
    await call("POST", "/v1/networks/shop/sites/west/revoke");
    expect(await uplink.closed).toEqual({ code: 4403, reason: "site.revoked" });
    expect((await status("shop")).sites.find(({ name }) => name === "west")?.state).toBe("revoked");
    expect(await storedOffers()).toEqual([]);
  });
});

describe("the offers of an instance", () => {
  it("reach every other site at once, and never their own", async () => {
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    expect(await consumer.next("services")).toEqual({
      type: "services",
      put: [{ name: "api", protocol: "tcp", port: 80, offers: [instance(provider)] }],
      gone: [],
    });
    await provider.settle();
    expect(provider.waiting("services")).toEqual([]);
  });

  it("are announced before the registry answers the site's next message", async () => {
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east);
    provider.send({ type: "offers", offers: [offer("api"), offer("db", 5432)] });
    await provider.settle();
    await consumer.settle();
    expect(consumer.waiting("services").flatMap(({ put }) => put.map(({ name }) => name))).toEqual([
      "api",
      "db",
    ]);
  });

  it("change as a whole: new, changed and missing ones are announced, unchanged ones are not", async () => {
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east, { offers: [offer("api"), offer("db"), offer("old")] });
    await consumer.next("services");
    provider.send({ type: "offers", offers: [offer("api"), asking("db", 5432), offer("new")] });
    const change = await consumer.next("services");
    expect(change.put.map(({ name, port }) => [name, port])).toEqual([
      ["db", 5432],
      ["new", 80],
    ]);
    expect(change.gone).toEqual(["old"]);
    const types = (await eventTypes("shop")).filter((type) => type.startsWith("service."));
    expect(types).toEqual([
      "service.appeared",
      "service.appeared",
      "service.appeared",
      "service.appeared",
      "service.gone",
    ]);
  });

  it("count once if a name is repeated", async () => {
    const provider = await TestUplink.open(east, { offers: [offer("api", 1), offer("api", 2)] });
    await provider.settle();
    expect(await events("shop", "service.appeared")).toHaveLength(1);
    expect((await status("shop")).services).toMatchObject([{ name: "api", port: 2 }]);
  });

  it("shows the offers of a second site for one name beside the first, and records an event", async () => {
    const first = await TestUplink.open(east, { offers: [offer("api")] });
    const second = await TestUplink.open(await admit("shop", "north"), { offers: [offer("api")] });
    const contested = await events("shop", "service.contested");
    expect(contested).toMatchObject([{ site: "north", actor: "north" }]);
    const consumer = await TestUplink.dial(west);
    const [api] = (await consumer.greet()).services;
    expect(api?.offers).toEqual([instance(first), instance(second)]);
    const change = await first.next("services");
    expect(change.put[0]?.offers).toEqual([instance(second)]);
  });

  it("are not announced, not even by name, to a site that no link connects", async () => {
    const outsider = await admit("shop", "outsider");
    await runSql(west, "DELETE FROM links WHERE joiner = ?", outsider.siteId);
    const stranger = await TestUplink.open(outsider, { offers: [offer("hidden")] });
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    provider.send({ type: "offers", offers: [] });
    await provider.settle();
    await call("POST", "/v1/networks/shop/sites/east/revoke");
    await stranger.settle();
    expect(stranger.waiting("services")).toEqual([]);
    const consumer = await TestUplink.dial(west);
    expect((await consumer.greet()).services).toEqual([]);
  });
});

describe("the listeners of an instance", () => {
  const failed = {
    service: "api",
    address: "127.0.0.1:80",
    state: "failed",
    code: "listener.port_taken",
    message: "taken",
  } as const;
  const listening = { service: "api", address: "127.0.0.1:80", state: "listening" } as const;

  it("record one event for each failure and recovery, and appear in the status", async () => {
    const uplink = await TestUplink.open(west, { listeners: [listening] });
    uplink.send({ type: "listeners", listeners: [failed] });
    uplink.send({ type: "listeners", listeners: [failed] });
    await uplink.settle();
    expect((await status("shop")).sites.find(({ name }) => name === "west")?.listeners).toMatchObject([
      failed,
    ]);
    uplink.send({ type: "listeners", listeners: [listening] });
    await uplink.settle();
    expect((await eventTypes("shop")).slice(2)).toEqual(["listener.failed", "listener.restored"]);
    expect(await events("shop", "listener.failed")).toMatchObject([
      { site: "west", code: "listener.port_taken", actor: "west" },
    ]);
  });

  it("have the time when they took their state, which the findings repeat", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const start = Date.now();
    const at = (ms: number) => new Date(start + ms).toISOString();
    const uplink = await TestUplink.open(west, { listeners: [listening] });
    const report = async (ms: number, listener: object) => {
      vi.setSystemTime(start + ms);
      uplink.send({ type: "listeners", listeners: [listener] });
      await uplink.settle();
      const now = await status("shop");
      const [found] = findings(now, { now: Date.now() }).filter(({ subject }) => subject.kind === "listener");
      return [now.sites.find(({ name }) => name === "west")?.listeners[0]?.since, found?.since];
    };
    expect(await report(1000, listening)).toEqual([at(0), undefined]);
    expect(await report(2000, failed)).toEqual([at(2000), at(2000)]);
    expect(await report(3000, { ...failed, message: "still taken" })).toEqual([at(2000), at(2000)]);
    expect(await report(4000, listening)).toEqual([at(4000), undefined]);
  });

  it("are deleted with a replaced process, even if it offered nothing", async () => {
    const first = await TestUplink.open(west, { listeners: [listening] });
    first.socket.close(1000);
    await untilDown("west");
    await TestUplink.open(west, { listeners: [{ ...listening, service: "db" }] });
    const rows = await runInDurableObject(registryOf(west), (_, { storage }) =>
      storage.sql.exec("SELECT service FROM listeners").toArray(),
    );
    expect(rows).toEqual([{ service: "db" }]);
  });
});

describe("an uplink that closes", () => {
  it("withdraws the offers of an uplink at once after bye", async () => {
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    await consumer.next("services");
    provider.send({ type: "bye" });
    expect(await consumer.next("services")).toEqual({ type: "services", put: [], gone: ["api"] });
    provider.socket.close(1000);
    await provider.closed;
    expect(await eventTypes("shop")).toEqual(
      expect.arrayContaining(["service.gone", "site.stopped", "link.down"]),
    );
    expect(await storedOffers()).toEqual([]);
  });

  it("records a stop and no loss after bye, also when the registry slept before the close", async () => {
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    provider.send({ type: "bye" });
    await vi.waitFor(async () => expect(await events("shop", "site.stopped")).toHaveLength(1), PATIENCE);
    const stopped = (await status("shop")).sites.find(({ name }) => name === "east");
    expect(stopped).toMatchObject({ state: "down", stopped: true, instances: [] });
    await evictDurableObject(registryOf(east), { webSockets: "hibernate" });
    provider.socket.close(1000);
    await provider.closed;
    const east1 = async () => (await status("shop")).sites.find(({ name }) => name === "east");
    expect(await east1()).toMatchObject({ state: "down", stopped: true, since: stopped?.since });
    expect(await events("shop", "site.down")).toEqual([]);
    expect(await events("shop", "site.stopped")).toMatchObject([
      { site: "east", actor: "east", text: "Site east was stopped." },
    ]);
    expect(await events("shop", "link.down")).toMatchObject([{ site: "east", code: "site.stopped" }]);
    await TestUplink.open(east);
    expect((await east1())?.stopped).toBeUndefined();
  });

  it("records a stop only for the last of several connectors, and a loss if the last one is lost", async () => {
    const one = await TestUplink.open(east);
    const two = await TestUplink.open(east);
    one.send({ type: "bye" });
    await vi.waitFor(async () => expect(await events("shop", "uplink.down")).toHaveLength(1), PATIENCE);
    const [stop] = await events("shop", "uplink.down");
    expect([stop?.actor, stop?.code]).toEqual(["east", undefined]);
    one.socket.close(1000);
    two.socket.close(1000);
    await untilDown("east");
    expect(await events("shop", "site.down")).toMatchObject([{ code: "uplink.lost" }]);
    expect(await events("shop", "site.stopped")).toEqual([]);
    const three = await TestUplink.open(east);
    const four = await TestUplink.open(east);
    three.socket.close(1000);
    await three.closed;
    four.send({ type: "bye" });
    await vi.waitFor(async () => expect(await events("shop", "site.stopped")).toHaveLength(1), PATIENCE);
  });

  it("keeps the offers of an uplink that ended without bye for the grace, then drops them and notifies the other sites", async () => {
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    await consumer.next("services");
    provider.socket.close(1000);
    await untilDown("east");
    await consumer.settle();
    expect(consumer.waiting("services")).toEqual([]);
    expect((await status("shop")).services).toMatchObject([{ name: "api", sites: [{ state: "down" }] }]);

    expect(await graceEnds()).toBe(true);
    expect(await consumer.next("services")).toEqual({ type: "services", put: [], gone: ["api"] });
    expect(await events("shop", "service.gone")).toMatchObject([{ site: "east", code: "uplink.lost" }]);
    expect(await graceEnds()).toBe(false);
  });

  it("leaves no trace if it returns within the grace", async () => {
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    await consumer.next("services");
    provider.socket.close(1000);
    await untilDown("east");
    await TestUplink.open(east, { offers: [offer("api")] }, provider.boot);
    await graceEnds();
    await consumer.settle();
    expect(consumer.waiting("services")).toEqual([]);
    expect(await storedOffers()).toMatchObject([{ service: "api", boot: provider.boot, lost_at: null }]);
  });

  it("keeps a site up and its service offered when one of two uplinks ends", async () => {
    const consumer = await TestUplink.open(west);
    const one = await TestUplink.open(east, { offers: [offer("api")] });
    const two = await TestUplink.open(east, { offers: [offer("api")] });
    await consumer.next("services");
    await consumer.next("services");
    one.send({ type: "bye" });
    one.socket.close(1000);
    const change = await consumer.next("services");
    expect(change.put[0]?.offers).toEqual([instance(two)]);
    expect((await status("shop")).sites.find(({ name }) => name === "east")).toMatchObject({
      state: "up",
      instances: [{ boot: two.boot }],
    });
    expect(await events("shop", "site.down")).toEqual([]);
  });
});

describe("a restarted process", () => {
  it("takes over its predecessor's offers, without events for the service", async () => {
    const consumer = await TestUplink.open(west);
    const before = await TestUplink.open(east, { offers: [offer("api")] });
    await consumer.next("services");
    before.socket.close(1000);
    await untilDown("east");
    const after = await TestUplink.open(east, { offers: [offer("api")] });
    const change = await consumer.next("services");
    expect(change).toMatchObject({ put: [{ name: "api", offers: [instance(after)] }], gone: [] });
    expect((await eventTypes("shop")).filter((type) => type.startsWith("service."))).toEqual([
      "service.appeared",
    ]);
    expect(await storedOffers()).toMatchObject([{ boot: after.boot }]);
  });

  it("withdraws a service that only its predecessor had, which records an event", async () => {
    const consumer = await TestUplink.open(west);
    const before = await TestUplink.open(east, { offers: [offer("api"), offer("db")] });
    await consumer.next("services");
    before.socket.close(1000);
    await untilDown("east");
    await TestUplink.open(east, { offers: [offer("api")] });
    expect((await consumer.next("services")).gone).toEqual(["db"]);
    expect(await events("shop", "service.gone")).toMatchObject([{ site: "east" }]);
  });

  it("does not replace a replica that is up, nor does one that returns", async () => {
    const replica = await TestUplink.open(east, { offers: [offer("api")] });
    const other = await TestUplink.open(east, { offers: [offer("db")] });
    await TestUplink.open(east, { offers: [offer("web")] });
    expect((await storedOffers()).map(({ service }) => service)).toEqual(["api", "db", "web"]);
    // The edge restarts, and one of the three returns before the others.
    for (const uplink of [replica, other]) uplink.socket.close(1000);
    await graceMarked(2);
    await TestUplink.open(east, { offers: [offer("db")] }, other.boot);
    expect((await storedOffers()).map(({ service }) => service)).toEqual(["api", "db", "web"]);
  });

  const graceMarked = async (count: number) => {
    const lost = async () => (await storedOffers()).filter((row) => row.lost_at !== null);
    await vi.waitFor(async () => expect(await lost()).toHaveLength(count), PATIENCE);
  };
});

describe("a second uplink of the same process", () => {
  it("replaces the first, which is notified, without the site going down", async () => {
    const boot = bootIdOf();
    const first = await TestUplink.open(east, { offers: [offer("api")] }, boot);
    const second = await TestUplink.dial(east, boot);
    await first.settle();
    await second.greet({ offers: [offer("api")] });
    expect((await first.next("error")).error.code).toBe("uplink.replaced");
    expect(await first.closed).toEqual({ code: 4409, reason: "uplink.replaced" });
    second.send({ type: "offers", offers: [offer("api"), offer("db")] });
    await second.settle();
    expect(await eventTypes("shop")).toEqual(["site.up", "link.up", "service.appeared", "service.appeared"]);
    expect((await status("shop")).sites.find(({ name }) => name === "east")).toMatchObject({
      state: "up",
      instances: [{ boot }],
      services: ["api", "db"],
    });
    expect((await storedOffers()).every((row) => row.lost_at === null)).toBe(true);
  });

  it("is not replaced by the first, even if that says hello later", async () => {
    const boot = bootIdOf();
    const first = await TestUplink.dial(east, boot);
    const second = await TestUplink.open(east, { offers: [offer("api")] }, boot);
    expect((await first.next("error")).error.code).toBe("uplink.replaced");
    const third = await TestUplink.dial(east, boot);
    second.send({ type: "offers", offers: [] });
    await second.settle();
    await third.greet();
    expect(await second.closed).toEqual({ code: 4409, reason: "uplink.replaced" });
  });
});
