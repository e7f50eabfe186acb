import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DEFAULT_QUOTAS, type SetQuotas } from "../../../protocol/api/quotas.ts";
import { unwrap } from "../../../workers/result.ts";
import { admit, type Member, offer, PATIENCE, TestUplink } from "../../support/workerd/member.ts";
import type { Operator } from "../../support/workerd/operator.ts";
import { closeShop, openShop } from "../../support/workerd/shop.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";

let ops: Operator;
let west: Member;
let east: Member;

beforeEach(async () => {
  ({ ops, west, east } = await openShop());
});
afterEach(closeShop);

const set = async (quotas: SetQuotas) => unwrap(await ops.registry.setQuotas(quotas, "ops"));
const use = async () => unwrap(await ops.registry.quotas());
const refusedToken = async () => {
  const answer = await ops.registry.createToken({ uses: 1, expirySeconds: 60, actor: "ops" });
  return answer.ok ? "made" : answer.error.code;
};

describe("the quotas of a network", () => {
  it("are the defaults until set, and are shown with the present use", async () => {
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east, { offers: [offer("api"), offer("db")] });
    await consumer.request(provider, "api");
    await ops.token();
    const { limits, used } = await use();
    expect(limits).toEqual(DEFAULT_QUOTAS);
    expect(used).toMatchObject({ sites: 2, services: 2, tokens: 1, sessions: 1 });
    const atWill = /^(site\.up|link\.up|service\.appeared)$/;
    expect(used.events).toBe((await ops.events()).filter(({ type }) => !atWill.test(type)).length);
  });

  it("stay if they are not named; a change is recorded with its actor, and no event without a change", async () => {
    await set({ sites: 5 });
    expect((await set({ tokens: 3 })).limits).toEqual({ ...DEFAULT_QUOTAS, sites: 5, tokens: 3 });
    await set({ tokens: 3 });
    const events = await ops.events("network.quotas");
    expect(events.map(({ actor }) => actor)).toEqual(["ops", "ops"]);
    expect(events[1]?.text).toContain("tokens 1000 → 3");
  });

  it("refuse further sites and tokens with their codes, and nothing that exists", async () => {
    const claim = await ops.token();
    await set({ sites: 1, tokens: 1 });
    expect(await ops.redeem(claim, "north")).toBe("quota.sites");
    expect(
      await ops.registry.createSite({
        request: { name: "n", mayOffer: null, expirySeconds: 9 },
        actor: "ops",
      }),
    ).toMatchObject({ ok: false, error: { code: "quota.sites" } });
    expect(await refusedToken()).toBe("quota.tokens");
    // Both sites stay members.
    await TestUplink.open(west);
    await TestUplink.open(east);
    await set({ tokens: 2 });
    expect(await refusedToken()).toBe("made");
    expect(await refusedToken()).toBe("quota.tokens");
  });

  it("refuse further services, and accept them when there is room again", async () => {
    await set({ services: 1 });
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.dial(east);
    const { refused } = await provider.greet({ offers: [offer("api"), offer("db")] });
    expect(refused).toMatchObject([{ name: "db", code: "quota.services" }]);
    expect((await consumer.next("services")).put.map(({ name }) => name)).toEqual(["api"]);
    expect(await ops.events("service.refused")).toMatchObject([{ site: "east", code: "quota.services" }]);
    // A further offer of an existing service needs no room.
    const second = await TestUplink.dial(await admit("shop", "north"));
    expect((await second.greet({ offers: [offer("api"), offer("web")] })).refused).toMatchObject([
      { name: "web", code: "quota.services" },
    ]);
    await consumer.next("services");

    await set({ services: 2 });
    expect((await consumer.next("services")).put.map(({ name }) => name)).toEqual(["db"]);
    expect((await provider.next("offers.refused")).refused).toEqual([]);
    await second.settle();
    expect(second.waiting("offers.refused")).toEqual([]);
    // Lowering the quota again removes nothing. Freed room goes to the waiting offer.
    await set({ services: 1 });
    expect((await use()).used.services).toBe(2);
    provider.send({ type: "bye" });
    const offered = async () => unwrap(await ops.registry.status()).services.map(({ name }) => name);
    await vi.waitFor(async () => expect(await offered()).toEqual(["api"]), PATIENCE);
    second.send({ type: "offers", offers: [offer("web")] });
    expect((await second.next("offers.refused")).refused).toEqual([]);
    expect(unwrap(await ops.registry.status()).services.map(({ name }) => name)).toEqual(["web"]);
  });

  it("refuse further sessions with a retryable code, while existing ones can be resumed", async () => {
    // A request joins a session for some seconds after its grant.
    stopClock();
    await set({ sessions: 1 });
    const consumer = await TestUplink.open(west);
    const provider = await TestUplink.open(east, { offers: [offer("api"), offer("api2")] });
    const other = await TestUplink.open(await admit("shop", "north"));
    const grant = await consumer.request(provider, "api");
    if (typeof grant === "string") throw new Error(grant);
    expect(await other.request(provider, "api")).toBe("quota.sessions");
    expect(await consumer.request(provider, "api2")).toMatchObject({ session: grant.session });
    expect(await consumer.resume(grant)).toMatchObject({ generation: 2 });
    consumer.send({ type: "session.ended", session: grant.session, generation: 2, code: "session.closed" });
    await consumer.settle();
    expect(await other.request(provider, "api")).toMatchObject({ generation: 1 });
  });

  it("limit the events to the newest, from the moment they are set", async () => {
    for (let round = 0; round < 60; round++) {
      await ops.registry.noteRefusal({ code: "assertion.invalid", text: "a", siteId: west.siteId });
      await ops.token();
      await ops.token();
    }
    expect((await use()).used.events).toBeGreaterThan(120);
    await set({ events: 100 });
    const kept = await ops.events();
    expect(kept).toHaveLength(100);
    expect(kept.at(-1)?.type).toBe("network.quotas");
    await ops.token();
    expect((await use()).used.events).toBe(100);
  });
});
