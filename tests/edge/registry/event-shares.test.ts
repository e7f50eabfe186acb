import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ListenerReport } from "../../../protocol/uplink/messages.ts";
import { Store } from "../../../workers/registry/store/store.ts";
import { unwrap } from "../../../workers/result.ts";
import { type Member, offer, TestUplink } from "../../support/workerd/member.ts";
import type { Operator } from "../../support/workerd/operator.ts";
import { closeShop, openShop } from "../../support/workerd/shop.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";

let ops: Operator;
let west: Member;
let east: Member;

beforeEach(async () => {
  // Events are counted by the minute.
  stopClock();
  ({ ops, west, east } = await openShop());
});
afterEach(closeShop);

const log = async () => unwrap(await ops.registry.events({ limit: 1000 })).events;
const ids = async () => (await log()).map(({ id }) => id);

const listeners = (count: number, state: ListenerReport["state"]): ListenerReport[] =>
  Array.from({ length: count }, (_, at) => ({
    ...{ service: `s${at}`, address: `127.0.0.1:${at + 1}`, state },
    ...(state === "failed" ? { code: "listener.failed", message: `down ${at}` } : {}),
  }));

describe("the events of a site", () => {
  it("are separate up to 20 of a type per minute, and then counted in the last one", async () => {
    const uplink = await TestUplink.open(west);
    uplink.send({ type: "listeners", listeners: listeners(1000, "failed") });
    await uplink.settle();
    const failed = (await log()).filter(({ type }) => type === "listener.failed");
    expect(failed).toHaveLength(20);
    expect(failed.slice(0, 19).every(({ count }) => count === undefined)).toBe(true);
    expect(failed[19]).toMatchObject({
      count: 981,
      site: "west",
      text: expect.stringMatching(/down 999\.$/),
    });
    uplink.send({ type: "listeners", listeners: listeners(1000, "listening") });
    uplink.send({ type: "listeners", listeners: listeners(1, "failed") });
    await uplink.settle();
    const later = (await log()).filter(({ type }) => type === "listener.failed");
    expect(later).toHaveLength(20);
    expect(later[19]).toMatchObject({ count: 982, text: expect.stringMatching(/down 0\.$/) });
  });

  it("displace the site's oldest events, and none of another site or the operator", async () => {
    await ops.registry.setQuotas({ events: 100 }, "ops");
    for (let at = 0; at < 120; at++) await ops.token();
    await TestUplink.open(east, { offers: [offer("api")] });
    const before = await ids();
    // Events about a clock are never folded: each has its own row.
    for (let round = 0; round < 12; round++) {
      await TestUplink.open(west, { time: Date.now() + (round % 2 === 0 ? 3_600_000 : 0) });
    }
    const after = await log();
    expect(after.map(({ id }) => id)).toEqual(expect.arrayContaining(before));
    const own = after.filter(({ id }) => !before.includes(id));
    expect(own).toHaveLength(5);
    expect(own.every(({ site }) => site === "west")).toBe(true);
    expect((await ops.registry.quotas()) as object).toMatchObject({ value: { used: { events: 100 } } });
  });

  it("are limited for all sites together, at the cost of the largest shares", async () => {
    await ops.registry.setQuotas({ events: 100 }, "ops");
    const before = await ids();
    const stub = env.REGISTRY.getByName(west.networkId);
    const kept = await runInDurableObject(stub, (_: DurableObject, { storage }: DurableObjectState) => {
      const { events } = new Store(storage);
      for (let site = 0; site < 24; site++) {
        const one = { at: Date.now(), type: "site.up", owner: `site-${site}`, actor: "test" } as const;
        for (let at = 0; at < 7; at++) events.add(one, [{ text: `${at}` }]);
      }
      return storage.sql
        .exec<{ kept: number }>(
          "SELECT count(*) AS kept FROM events WHERE share LIKE 'site-%' GROUP BY share",
        )
        .toArray()
        .map(({ kept }) => kept);
    });
    expect(kept).toHaveLength(24);
    expect(kept.reduce((sum, count) => sum + count, 0)).toBe(50);
    expect(Math.min(...kept)).toBe(2);
    expect(await ids()).toEqual(expect.arrayContaining(before));
  });

  it("do not include how the site joined, which counts as the operator's", async () => {
    await ops.registry.setQuotas({ events: 100 }, "ops");
    for (let round = 0; round < 30; round++) await TestUplink.open(west);
    const types = (await log()).filter(({ site }) => site === "west").map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(["site.joined", "token.redeemed"]));
    expect(types).not.toContain("site.up");
  });
});
