/** Details of exported services on their way from one cluster's site to others. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MAX_MESSAGE, type Offer } from "../../../protocol/uplink/messages.ts";
import { OFFER_GRACE_MS } from "../../../workers/registry/policy/uplinks.ts";
import { unwrap } from "../../../workers/result.ts";
import { exportDetails, longDetails } from "../../support/edge/export-details.ts";
import { type Member, offer, PATIENCE, registryOf, TestUplink } from "../../support/workerd/member.ts";
import type { Operator } from "../../support/workerd/operator.ts";
import { closeShop, openShop } from "../../support/workerd/shop.ts";

let ops: Operator;
let west: Member;
let east: Member;

beforeEach(async () => {
  ({ ops, west, east } = await openShop());
});
afterEach(closeShop);

const FEATURES = { features: ["ports", "exports"] };
const exported = (name = "api"): Offer => ({ ...offer(name), export: exportDetails({ name }) });
const changed = (put: readonly Offer[], gone: readonly string[] = []) => ({
  ...{ type: "offers.changed", put, gone },
});
const clusterOf = async (member: Member) => await TestUplink.open(member, FEATURES);
const services = async () => unwrap(await ops.registry.status()).services.map(({ name }) => name);

describe("the details of an exported service", () => {
  it("reach connectors that know them, in the welcome and in notices, and no others", async () => {
    const early = await clusterOf(west);
    const old = await TestUplink.open(west);
    const pod: Offer = { ...offer("api-0"), headless: { of: "api", host: "api-0" } };
    await TestUplink.open(east, { ...FEATURES, offers: [exported(), pod] });
    const late = await TestUplink.dial(west);
    for (const put of [(await early.next("services")).put, (await late.greet(FEATURES)).services]) {
      expect(put.map(({ offers }) => offers[0])).toMatchObject([
        { export: exportDetails() },
        { headless: { of: "api", host: "api-0" } },
      ]);
    }
    for (const { offers } of (await old.next("services")).put) {
      expect(offers[0]?.export).toBeUndefined();
      expect(offers[0]?.headless).toBeUndefined();
    }
  });

  it("are announced when they alone change, without an event", async () => {
    const provider = await TestUplink.open(east, { ...FEATURES, offers: [exported()] });
    const [viewer, old] = [await clusterOf(west), await TestUplink.open(west)];
    const before = await ops.events();
    const other = exportDetails({ sessionAffinity: "ClientIP", createdAt: "2026-11-26T12:00:01Z" });
    provider.send(changed([{ ...offer("api"), export: other }]));
    expect((await viewer.next("services")).put[0]?.offers[0]?.export).toEqual(other);
    // An offer keeps its age, and so its precedence, whatever is said of it.
    provider.send(changed([offer("api")]));
    expect((await viewer.next("services")).put[0]?.offers[0]?.export).toBeUndefined();
    await old.settle();
    expect(old.waiting("services")).toEqual([]);
    expect(await ops.events()).toEqual(before);
  });

  it("are stored, and are part of a backup", async () => {
    const provider = await TestUplink.open(east, { ...FEATURES, offers: [exported()] });
    await provider.settle();
    const rows = await ops.rows("SELECT details FROM offers");
    expect(rows).toEqual([{ details: JSON.stringify({ export: exportDetails() }) }]);
    const backup = unwrap(await ops.registry.dump());
    const columns = backup.tables.offers?.columns ?? [];
    expect(backup.tables.offers?.rows.map((row) => row[columns.indexOf("details")])).toEqual([
      JSON.stringify({ export: exportDetails() }),
    ]);
  });

  it("end the uplink if they are malformed or too long", async () => {
    const long = { ...longDetails(), labels: { note: "x" }, annotations: { note: "x".repeat(8192) } };
    const provider = await clusterOf(east);
    provider.send(changed([{ ...offer("api"), export: long }]));
    expect((await provider.closed).reason).toBe("uplink.malformed");
  });
});

describe("a change of some offers", () => {
  it("adds, replaces and removes these, and leaves the others", async () => {
    const provider = await TestUplink.open(east, { offers: [offer("api"), offer("db"), offer("web")] });
    const viewer = await clusterOf(west);
    provider.send(changed([{ ...offer("db"), down: [80] }, offer("new")], ["api", "unknown"]));
    const { put, gone } = await viewer.next("services");
    expect(gone).toEqual(["api"]);
    expect(put.map(({ name, offers }) => [name, offers[0]?.down])).toEqual([
      ["db", [80]],
      ["new", undefined],
    ]);
    expect(await services()).toEqual(["db", "new", "web"]);
    // The same once more is no change.
    provider.send(changed([{ ...offer("db"), down: [80] }, offer("new")], ["api"]));
    await provider.settle();
    expect(viewer.waiting("services")).toEqual([]);
  });

  it("ends the uplink if the instance then offers too many services, or too long details", async () => {
    const many = Array.from({ length: 999 }, (_, at) => offer(`s${at}`));
    const one = await TestUplink.open(east, { offers: many });
    one.send(changed([offer("a"), offer("b")], ["s0"]));
    await one.settle();
    one.send(changed([offer("c")]));
    expect((await one.closed).reason).toBe("uplink.too_large");
    const other = await clusterOf(east);
    for (let part = 0; part < 3; part++) {
      const names = Array.from({ length: 30 }, (_, at) => `long-${part}-${at}`);
      other.send(changed(names.map((name) => ({ ...offer(name), export: longDetails(name) }))));
    }
    expect((await other.closed).reason).toBe("uplink.too_large");
  });
});

describe("an offer whose details follow", () => {
  const follows: Offer = { ...offer("api"), detailsFollow: true };

  it("is shown to connectors that know details once they are there, and to others at once", async () => {
    const [viewer, old] = [await clusterOf(west), await TestUplink.open(west)];
    const provider = await TestUplink.open(east, { ...FEATURES, offers: [follows, offer("db")] });
    expect((await viewer.next("services")).put.map(({ name }) => name)).toEqual(["db"]);
    expect((await old.next("services")).put.map(({ name }) => name)).toEqual(["api", "db"]);
    provider.send(changed([exported()]));
    expect((await viewer.next("services")).put[0]?.offers[0]?.export).toEqual(exportDetails());
  });

  it("has those that the site gave before, so that a restart of a connector changes nothing", async () => {
    const provider = await TestUplink.open(east, { ...FEATURES, offers: [exported()] });
    const viewer = await clusterOf(west);
    provider.socket.close(1000);
    await viewer.settle();
    await TestUplink.open(east, { ...FEATURES, offers: [follows] });
    const { put, gone } = await viewer.next("services");
    expect(gone).toEqual([]);
    expect(put[0]?.offers.map((seen) => seen.export)).toEqual([exportDetails()]);
  });
});

describe("a process with a successor", () => {
  const down = { ...exported(), down: [80], why: "service.draining" };

  it("leaves its offers to the next process, and other sites see no end of the service", async () => {
    const provider = await TestUplink.open(east, { ...FEATURES, offers: [exported(), offer("db")] });
    const viewer = await clusterOf(west);
    provider.send(changed([down], ["db"]));
    expect((await viewer.next("services")).gone).toEqual(["db"]);
    provider.send({ type: "bye", successor: true });
    await viewer.settle();
    expect(viewer.waiting("services")).toEqual([]);
    await TestUplink.open(east, { ...FEATURES, offers: [exported()] });
    const { put, gone } = await viewer.next("services");
    expect(gone).toEqual([]);
    expect(put[0]?.offers.map((seen) => seen.down)).toEqual([undefined]);
    const types = (await ops.events()).map(({ type }) => type);
    expect(types.filter((type) => type === "service.unhealthy" || type === "site.down")).toEqual([]);
    expect(types.filter((type) => type === "site.stopped")).toHaveLength(1);
  });

  it("withdraws what another process of the site offers, and without one all ends after a minute", async () => {
    const one = await TestUplink.open(east, { ...FEATURES, offers: [exported()] });
    const other = await TestUplink.open(east, { ...FEATURES, offers: [exported()] });
    const viewer = await clusterOf(west);
    one.send({ type: "bye", successor: true });
    expect((await viewer.next("services")).put[0]?.offers.map(({ boot }) => boot)).toEqual([other.boot]);
    other.send({ type: "bye", successor: true });
    await viewer.settle();
    expect(await services()).toEqual(["api"]);
    await ops.rows(`UPDATE offers SET lost_at = lost_at - ${OFFER_GRACE_MS}`);
    await runDurableObjectAlarm(registryOf(east));
    expect((await viewer.next("services")).gone).toEqual(["api"]);
  });
});

describe("an offer that stays", () => {
  const stays = (name = "api"): Offer => ({ ...offer(name), stays: true });
  const endGrace = async () => {
    await ops.rows(`UPDATE offers SET lost_at = lost_at - ${OFFER_GRACE_MS}`);
    await runDurableObjectAlarm(registryOf(east));
  };
  /** Loses the only process of the east, which offered `stays` and another service. */
  async function loseEast(...lines: TestUplink[]): Promise<void> {
    for (const { socket } of lines) socket.close(1000);
    await vi.waitFor(
      async () => expect(await ops.rows("SELECT 1 FROM offers WHERE lost_at IS NULL")).toEqual([]),
      PATIENCE,
    );
    await endGrace();
  }

  it("is down while its site stays away, and up with the next process of the site", async () => {
    const provider = await TestUplink.open(east, { ...FEATURES, offers: [stays(), offer("web")] });
    const viewer = await clusterOf(west);
    await loseEast(provider);
    const { put, gone } = await viewer.next("services");
    expect(gone).toEqual(["web"]);
    expect(put.map(({ name, offers }) => [name, offers.map(({ down }) => down)])).toEqual([["api", [[80]]]]);
    expect((await ops.events()).find(({ type }) => type === "service.unhealthy")).toMatchObject({
      site: "east",
      code: "uplink.lost",
    });
    // Nothing is due for it any longer, however often the sweep runs.
    await endGrace();
    expect(await services()).toEqual(["api"]);
    expect(await runInDurableObject(registryOf(east), (_, { storage }) => storage.getAlarm())).toBeNull();
    await TestUplink.open(east, { ...FEATURES, offers: [stays()] });
    expect((await viewer.next("services")).put[0]?.offers.map(({ down }) => down)).toEqual([undefined]);
  });

  it("is up again with its own process, whose uplink was away", async () => {
    const provider = await TestUplink.open(east, { ...FEATURES, offers: [stays()] });
    const viewer = await clusterOf(west);
    await loseEast(provider);
    expect((await viewer.next("services")).put[0]?.offers[0]?.down).toEqual([80]);
    await TestUplink.open(east, { ...FEATURES, offers: [stays()] }, provider.boot);
    expect((await viewer.next("services")).put[0]?.offers[0]?.down).toBeUndefined();
  });

  it("is there once, however many processes of its site were lost, and not beside one that lives", async () => {
    const open = () => TestUplink.open(east, { ...FEATURES, offers: [stays()] });
    const lines = [await open(), await open()];
    const third = await open();
    await loseEast(...lines, third);
    expect(await ops.rows("SELECT service FROM offers")).toEqual([{ service: "api" }]);
    const back = await open();
    const other = await open();
    other.socket.close(1000);
    await vi.waitFor(
      async () => expect(await ops.rows("SELECT 1 FROM offers WHERE lost_at IS NOT NULL")).toHaveLength(1),
      PATIENCE,
    );
    await endGrace();
    expect(await ops.rows("SELECT boot FROM offers")).toEqual([{ boot: back.boot }]);
  });

  it("ends when the site comes back without it, and when the site is revoked", async () => {
    const provider = await TestUplink.open(east, { ...FEATURES, offers: [stays(), stays("db")] });
    const viewer = await clusterOf(west);
    await loseEast(provider);
    await viewer.next("services");
    const back = await TestUplink.open(east, { ...FEATURES, offers: [stays("db")] });
    expect((await viewer.next("services")).gone).toEqual(["api"]);
    await loseEast(back);
    await viewer.next("services");
    unwrap(await ops.registry.revokeSite("east", "admin"));
    expect((await viewer.next("services")).gone).toEqual(["db"]);
  });
});

it("many services with long details reach a site in messages within the limit", async () => {
  const viewer = await clusterOf(west);
  const provider = await clusterOf(east);
  const names = Array.from({ length: 60 }, (_, at) => `long-${at}`);
  const offers = names.map((name): Offer => ({ ...offer(name), export: longDetails(name) }));
  provider.send(changed(offers.slice(0, 30)));
  provider.send(changed(offers.slice(30)));
  await provider.settle();
  const late = await TestUplink.dial(west);
  const welcome = await late.greet(FEATURES);
  await late.settle();
  await viewer.settle();
  const all = [...welcome.services, ...late.waiting("services").flatMap(({ put }) => put)];
  expect(all.map(({ name }) => name).sort()).toEqual([...names].sort());
  expect(all.every(({ offers: [seen] }) => seen?.export?.annotations?.note?.length === 7900)).toBe(true);
  expect(viewer.waiting("services").flatMap(({ put }) => put)).toHaveLength(60);
  for (const line of [viewer, late]) {
    for (const data of line.received) expect(String(data).length).toBeLessThanOrEqual(MAX_MESSAGE);
  }
});
