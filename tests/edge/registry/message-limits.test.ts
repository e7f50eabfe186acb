import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_MESSAGE } from "../../../protocol/uplink/messages.ts";
import { MAX_INCOMING } from "../../../workers/registry/policy/message-limits.ts";

import { type Member, offer, TestUplink } from "../../support/workerd/member.ts";
import type { Operator } from "../../support/workerd/operator.ts";
import { closeShop, openShopOf } from "../../support/workerd/shop.ts";

/**
 * Number of sites that joined by tokens of another site, each with one connector that offers its own service.
 */
const CROWD = 1500;

let ops: Operator;
let hub: Member;

beforeEach(async () => {
  ({ ops, hub } = await openShopOf("hub"));
  const counted = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${CROWD})`;
  const [idOf, bootOf, linkOf] = ["s", "b", "l"].map((kind) => `printf('${kind}%026d', i)`);
  await ops.rows(
    `${counted} INSERT INTO sites SELECT ${idOf}, printf('a-site-of-the-crowd-%d', i), x'00', printf('k%d', i), 'down', 0, 0,
      NULL FROM n`,
  );
  await ops.rows(
    `${counted} INSERT INTO links (id, name, joiner, issuer, cost, certificate, created_at)
      SELECT ${linkOf}, 'link1', ${idOf}, '${hub.siteId}', 1, x'00', 0 FROM n`,
  );
  await ops.rows(
    `${counted} INSERT INTO offers (site, boot, service, protocol, port, since)
      SELECT ${idOf}, ${bootOf}, printf('a-service-of-the-crowd-%d', i), 'tcp', 80, 0 FROM n`,
  );
});
afterEach(closeShop);

const lengths = (uplink: TestUplink) => uplink.received.map((data) => String(data).length);
const settled = async (uplink: TestUplink) => {
  await uplink.settle();
  return uplink;
};

describe("a site that sees more than fits into a message", () => {
  it("gets a part in its welcome and the rest afterwards, in messages within the limit", async () => {
    const uplink = await TestUplink.dial(hub);
    uplink.send(uplink.hello());
    await settled(uplink);
    expect(Math.max(...lengths(uplink))).toBeLessThanOrEqual(MAX_MESSAGE);
    const welcome = await uplink.next("welcome");
    const names = welcome.services.map(({ name }) => name);
    expect(welcome.more).toBe(true);
    for (;;) {
      const { put, gone, complete } = await uplink.next("services");
      expect(gone).toEqual([]);
      names.push(...put.map(({ name }) => name));
      if (complete) break;
    }
    expect(new Set(names).size).toBe(CROWD);
    expect(welcome.incoming).toHaveLength(MAX_INCOMING);
    expect(welcome.moreIncoming).toBe(CROWD - MAX_INCOMING);
  });

  it("gets many changes in several messages, and a status with what fits", async () => {
    await ops.registry.setQuotas({ sites: 2 * CROWD }, "ops");
    const late = await ops.member("late");
    const uplink = await TestUplink.open(late);
    expect(uplink.received).toEqual([]);
    await ops.link(late, "hub");
    await settled(uplink);
    const changes = uplink.waiting("services");
    expect(changes.length).toBeGreaterThan(1);
    expect(changes.flatMap(({ put }) => put)).toHaveLength(CROWD);
    expect(Math.max(...lengths(uplink))).toBeLessThanOrEqual(MAX_MESSAGE);
    uplink.send({ type: "status.request", id: 7 });
    const { view } = await uplink.next("status");
    expect(view.sites).toHaveLength(CROWD + 2);
    expect(view.services).toEqual([]);
  });

  it("gets the nearest of very many offers of one service", async () => {
    await ops.rows("UPDATE offers SET service = 'metrics'");
    await ops.rows("UPDATE links SET cost = 9 WHERE rowid <= 700");
    const uplink = await TestUplink.open(hub, { offers: [offer("own")] });
    const [metrics] = (await uplink.next("services")).put;
    expect(metrics?.offers).toHaveLength(1000);
    expect(metrics?.offers.filter(({ cost }) => cost === 1)).toHaveLength(CROWD - 700);
  });
});
