import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { ROWS, STORED } from "../../../connector/operator/cost/footprints.ts";
import { Registry } from "../../../workers/registry/registry.ts";
import { call, claimIn, createNetwork, createToken, redeem } from "../../support/workerd/client.ts";
import { openLane } from "../../support/workerd/lane.ts";
import {
  admit,
  granted,
  hangUpAll,
  type Member,
  offer,
  registryOf,
  TestUplink,
} from "../../support/workerd/member.ts";
import { resetEdge } from "../../support/workerd/reset.ts";
import { type RowCount, rowsOf } from "../../support/workerd/row-meter.ts";
import { alterUplinks } from "../../support/workerd/stored.ts";

afterEach(async () => {
  hangUpAll();
  await resetEdge();
});

type Counts = Record<keyof typeof ROWS, RowCount>;

/** Two sites with uplinks and a service each, and as many more as are wanted. */
async function openSites(count: number): Promise<{ members: Member[]; uplinks: TestUplink[] }> {
  const members: Member[] = [];
  const uplinks: TestUplink[] = [];
  for (let at = 0; at < count; at++) {
    const member = await admit("shop", `site${at}`);
    members.push(member);
    uplinks.push(await TestUplink.open(member, { offers: [offer(`api${at}`)] }));
  }
  return { members, uplinks };
}

function pairIn<T>([first, second]: readonly T[]): [T, T] {
  if (first === undefined || second === undefined) throw new Error("there are no two");
  return [first, second];
}

/** Counts the rows of each operation of {@link ROWS} in a network of so many sites. */
async function count(sites: number): Promise<{ counts: Counts; stored: number }> {
  const registry = registryOf({ networkId: (await createNetwork("shop")).id });
  const { members, uplinks } = await openSites(sites);
  const [member] = pairIn(members);
  const [west, east] = pairIn(uplinks);

  const wake = await rowsOf(registry, () =>
    runInDurableObject(registry, async (_, ctx) => {
      new Registry(ctx, env);
      await ctx.blockConcurrencyWhile(async () => {});
    }),
  );
  let file = "";
  const create = await rowsOf(registry, async () => {
    ({ file } = await createToken("shop"));
  });
  const redeemed = await rowsOf(registry, async () => {
    expect((await redeem(claimIn(file), "newcomer")).status).toBe(200);
  });

  const request = () => granted(west.request(east, "api1"));
  let mine = await request();
  await east.next("session.offer");
  west.send({ type: "session.ended", session: mine.session, generation: 1, code: "session.closed" });
  await west.settle();
  await runInDurableObject(registry, (_, { storage }) => storage.deleteAlarm());
  const grant = await rowsOf(registry, async () => {
    mine = await request();
  });
  const theirs = (await east.next("session.offer")).invitation;
  const lane = await rowsOf(registry, async () => {
    await openLane(west, mine);
    await openLane(east, theirs);
  });
  const resume = await rowsOf(registry, async () => {
    mine = await granted(west.resume(mine));
  });
  const sweep = await rowsOf(registry, () => runDurableObjectAlarm(registry));
  const { session, generation } = mine;
  const end = await rowsOf(registry, async () => {
    west.send({ type: "session.ended", session, generation, code: "session.closed" });
    await west.settle();
  });

  // An hour before its end, a certificate is no longer young.
  await alterUplinks(member, { notAfter: Date.now() + 3_600_000 });
  const renew = await rowsOf(registry, async () => {
    west.send({ type: "renew", id: 1 });
    await west.next("renewed");
  });
  const lost = await rowsOf(registry, async () => {
    west.socket.close(1000);
    await west.closed;
    await east.settle();
  });
  const back = await rowsOf(registry, () => TestUplink.open(member, { offers: [offer("api0")] }, west.boot));
  const reconnect = { read: lost.read + back.read, written: lost.written + back.written };
  const status = await rowsOf(registry, () => call("GET", "/v1/networks/shop/status"));
  const stored = await runInDurableObject(registry, (_, { storage }) => storage.sql.databaseSize);
  return {
    counts: {
      ...{ wake, createToken: create, redeem: redeemed, reconnect, renew },
      ...{ grant, resume, end, lane, sweep, status },
    },
    stored,
  };
}

describe.each([2, 10])("the rows that a registry of %d sites", (sites) => {
  it("reads and writes are those that `fairlead cost` counts with, or somewhat fewer", async () => {
    const { counts, stored } = await count(sites);
    for (const [name, { read, readPerSite, written }] of Object.entries(ROWS)) {
      const found = counts[name as keyof Counts];
      const wanted = read + readPerSite * sites;
      expect.soft(found.read, `${name} reads`).toBeLessThanOrEqual(wanted);
      expect.soft(found.read * 2 + 20, `${name} reads`).toBeGreaterThanOrEqual(wanted);
      expect.soft(found.written, `${name} writes`).toBeLessThanOrEqual(written);
      expect.soft(found.written * 2 + 4, `${name} writes`).toBeGreaterThanOrEqual(written);
    }
    const size = STORED.registry + STORED.perSite * sites;
    expect.soft(stored).toBeLessThanOrEqual(size);
    expect.soft(stored * 2).toBeGreaterThanOrEqual(size);
  });
});
