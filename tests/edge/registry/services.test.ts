import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Offer } from "../../../protocol/uplink/messages.ts";
import { unwrap } from "../../../workers/result.ts";
import { admit, type Member, offer, TestUplink } from "../../support/workerd/member.ts";
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
