import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EventQuery, NetworkEventQuery } from "../../../protocol/api/events.ts";
import { unwrap } from "../../../workers/result.ts";
import { type Member, offer, TestUplink } from "../../support/workerd/member.ts";
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

const ask = async (query: Partial<EventQuery>) =>
  unwrap(await ops.registry.events({ limit: 1000, ...query })).events;
const types = async (query: Partial<EventQuery>) => (await ask(query)).map(({ type }) => type);

describe("a query of events", () => {
  it("selects by type and by the part before its dot, never by a fragment", async () => {
    await TestUplink.open(east, { offers: [offer("api")] });
    expect(await types({ type: "site" })).toEqual(["site.joined", "site.joined", "site.up"]);
    expect(await types({ type: "site.up" })).toEqual(["site.up"]);
    expect(await types({ type: "service" })).toEqual(["service.appeared"]);
    expect(new Set(await types({}))).toContain("token.redeemed");
    expect(await types({ type: "listener" })).toEqual([]);
  });

  it("selects by time, by id, and by the newest", async () => {
    const all = await ask({});
    const [middle] = all.slice(Math.floor(all.length / 2));
    if (!middle) throw new Error("no events");
    const since = await ask({ since: middle.at });
    expect(since.map(({ id }) => id)).toContain(middle.id);
    expect(since.every(({ at }) => at >= middle.at)).toBe(true);
    expect((await ask({ after: middle.id }))[0]?.id).toBe(middle.id + 1);
    expect((await ask({ before: middle.id })).at(-1)?.id).toBe(middle.id - 1);
    expect(await ask({ since: middle.at, limit: 1 })).toEqual(all.slice(-1));
    expect(await ask({ since: new Date(Date.now() + 60_000).toISOString() })).toEqual([]);
  });
});

describe("a page of events", () => {
  const page = async (query: Partial<NetworkEventQuery>) =>
    unwrap(await ops.registry.events({ limit: 1000, ...query }));
  const ids = (events: readonly { readonly id: number }[]) => events.map(({ id }) => id);

  it("has the oldest events after an id, so that pages leave out none of a burst", async () => {
    const before = (await page({})).newest;
    for (let each = 0; each < 25; each++) await ops.token();
    const read: number[] = [];
    for (let after = before, more = true; more; after = read.at(-1) ?? 0) {
      const next = await page({ after, limit: 10 });
      read.push(...ids(next.events));
      more = next.more;
    }
    expect(read).toEqual(Array.from({ length: 25 }, (_, at) => before + 1 + at));
  });

  it("has the newest events before an id, and says whether there are older ones", async () => {
    const all = ids((await page({})).events);
    const newest = await page({ limit: 3 });
    expect([ids(newest.events), newest.more]).toEqual([all.slice(-3), true]);
    const older = await page({ before: newest.events[0]?.id ?? 0 });
    expect([ids(older.events), older.more]).toEqual([all.slice(0, -3), false]);
  });

  it("names the newest event of the log, which need not match", async () => {
    const { events, newest } = await page({ type: "listener" });
    expect([events, newest]).toEqual([[], (await page({})).events.at(-1)?.id]);
  });

  it("selects by the name of a site, or by its id across its names", async () => {
    await TestUplink.open(east);
    expect(new Set((await page({ site: "east" })).events.map(({ site }) => site))).toEqual(new Set(["east"]));
    const up = (await page({ type: "site.up" })).events;
    unwrap(await ops.registry.updateSite("east", { name: "orient" }, "ops"));
    expect((await page({ site: east.siteId, type: "site.up" })).events).toEqual(up);
    expect((await page({ site: "orient" })).events.map(({ type }) => type)).toEqual(["site.changed"]);
  });

  it("says when the log began: when the network was created, or was restored", async () => {
    const { began, events } = await page({});
    expect(Date.parse(began)).toBeLessThanOrEqual(Date.parse(events[0]?.at ?? ""));
  });
});

describe("a connector's clock", () => {
  const greeted = async (time: number | undefined, member = west) =>
    TestUplink.open(member, time === undefined ? {} : { time });

  it("records an event if it is ten seconds off, and one when it is right again", async () => {
    stopClock();
    await greeted(Date.now() + 9_000);
    expect(await ask({ type: "site.clock" })).toEqual([]);
    await greeted(Date.now() + 3_600_000);
    await greeted(Date.now() + 3_600_000);
    await greeted(Date.now() - 20_000, east);
    const events = await ask({ type: "site.clock" });
    expect(events).toMatchObject([
      { site: "west", code: "site.clock", actor: "west" },
      { site: "east", code: "site.clock" },
    ]);
    expect(events[0]?.text).toMatch(/3600 s ahead of the edge's/);
    expect(events[1]?.text).toMatch(/20 s behind the edge's/);
    await greeted(undefined);
    await greeted(Date.now());
    await greeted(Date.now());
    await greeted(Date.now() - 10_001);
    const codes = (await ask({ type: "site.clock" })).slice(2).map(({ code }) => code);
    expect(codes).toEqual([undefined, "site.clock"]);
  });
});

describe("further instances of a site", () => {
  const ofSite = async () => (await types({})).filter((type) => /^(site|uplink)\.(up|down)$/.test(type));

  it("record events when they come and go, with the reason, but none for a replaced uplink", async () => {
    const one = await TestUplink.open(west);
    const two = await TestUplink.open(west);
    await TestUplink.open(west, {}, one.boot);
    two.socket.close(1000);
    await two.closed;
    expect(await ofSite()).toEqual(["site.up", "uplink.up", "uplink.down"]);
    expect(await ask({ type: "uplink.down" })).toMatchObject([{ site: "west", code: "uplink.lost" }]);
  });
});

describe("a failed proof of identity", () => {
  it("is recorded, but does not fill the log when repeated", async () => {
    stopClock();
    for (let round = 0; round < 20; round++) {
      await ops.registry.noteRefusal({ siteId: west.siteId, code: "certificate.revoked", text: "no" });
    }
    expect(await ask({ type: "uplink.refused" })).toMatchObject([
      { site: "west", code: "certificate.revoked", text: "no" },
    ]);
  });

  it("displaces nothing else from the log for guessed tokens", async () => {
    stopClock();
    await ops.registry.setQuotas({ events: 100 }, "ops");
    const others = (await ask({})).filter(({ type }) => !type.endsWith(".refused"));
    const claim = await ops.token();
    await ops.registry.revokeToken(claim.split(".")[1] ?? "", "ops");
    for (let round = 0; round < 30; round++) expect(await ops.redeem(claim, "north")).toBe("token.revoked");
    const log = await ask({});
    expect(log.filter(({ type }) => type === "token.refused")).toHaveLength(10);
    for (const { id } of others) expect(log.map((event) => event.id)).toContain(id);
    // Other events do not use the share of refusals.
    for (let round = 0; round < 100; round++) await ops.token();
    expect((await ask({})).filter(({ type }) => type === "token.refused")).toHaveLength(10);
    expect((await ops.registry.quotas()) as object).toMatchObject({ value: { used: { events: 100 } } });
  });
});
