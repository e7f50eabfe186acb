import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeId } from "../../../protocol/ids.ts";
import { type Invitation, KEEPALIVE } from "../../../protocol/uplink/messages.ts";
import { verifyTicket } from "../../../workers/authority/ticket.ts";
import { SESSION_MEMORY_MS, SESSION_PENDING_MS } from "../../../workers/registry/policy/sessions.ts";
import { bootIdOf, random } from "../../support/authority/test-site.ts";
import { call } from "../../support/workerd/client.ts";
import {
  admit,
  events,
  type Member,
  offer,
  PATIENCE,
  registryOf,
  status,
  TestUplink,
} from "../../support/workerd/member.ts";
import { closeShop, openBusyShop } from "../../support/workerd/shop.ts";
import { alterUplinks, runSql } from "../../support/workerd/stored.ts";

let west: Member;
let east: Member;
let consumer: TestUplink;
let provider: TestUplink;

beforeEach(async () => {
  ({ west, east, consumer, provider } = await openBusyShop({ west: [offer("web")] }));
});
afterEach(closeShop);

const read = (ticket: string) =>
  verifyTicket(ticket, { deploymentCaKey: env.DEPLOYMENT_CA_KEY, now: Date.now() });

async function granted(from: TestUplink, to: TestUplink, service: string): Promise<Invitation> {
  const answer = await from.request(to, service);
  if (typeof answer === "string") throw new Error(answer);
  return answer;
}

const sql = (statement: string, ...values: (string | number)[]) => runSql(west, statement, ...values);

const storedSessions = async () => (await sql("SELECT id FROM sessions")).map(({ id }) => id);

describe("a session request", () => {
  it("is granted, and offered to the peer, with a ticket for each side of one lane", async () => {
    const grant = await granted(consumer, provider, "api");
    const { invitation: offered } = await provider.next("session.offer");
    expect(grant).toMatchObject({
      generation: 1,
      lane: 0,
      peer: { site: east.siteId, siteName: "east", boot: provider.boot },
    });
    expect(offered).toMatchObject({
      session: grant.session,
      generation: 1,
      lane: 0,
      peer: { site: west.siteId, siteName: "west", boot: consumer.boot },
    });
    const [own, other] = [await read(grant.ticket), await read(offered.ticket)];
    expect(own).toMatchObject({ network: west.networkId, session: grant.session, site: west.siteId });
    expect(own).toMatchObject({ boot: consumer.boot, peer: east.siteId, generation: 1, lane: 0 });
    expect(other).toMatchObject({ site: east.siteId, boot: provider.boot, peer: west.siteId });
    expect(own.side).toBe(consumer.boot < provider.boot ? "a" : "b");
    expect(new Set([own.side, other.side])).toEqual(new Set(["a", "b"]));
  });

  it("gives one session if both sides request at once", async () => {
    const [mine, theirs] = await Promise.all([
      granted(consumer, provider, "api"),
      granted(provider, consumer, "web"),
    ]);
    expect(theirs.session).toBe(mine.session);
    expect(theirs.generation).toBe(mine.generation);
    expect((await read(mine.ticket)).side).not.toBe((await read(theirs.ticket)).side);
    expect(await storedSessions()).toEqual([mine.session]);
  });

  it("gives each pair of instances its own session under many concurrent requests", async () => {
    const second = await TestUplink.open(east, { offers: [offer("api")] });
    const answers = await Promise.all([
      granted(consumer, provider, "api"),
      granted(consumer, provider, "api"),
      granted(consumer, second, "api"),
      granted(consumer, second, "api"),
    ]);
    const ids = answers.map(({ session }) => session);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).toBe(ids[3]);
    expect(new Set(ids).size).toBe(2);
  });

  it("gives a new session after the first is no longer pending", async () => {
    const first = await granted(consumer, provider, "api");
    await sql("UPDATE sessions SET granted_at = granted_at - ?", SESSION_PENDING_MS);
    const second = await granted(consumer, provider, "api");
    expect(second.session).not.toBe(first.session);
    expect(await storedSessions()).toEqual([second.session]);
  });

  it("is refused between sites that no link connects", async () => {
    await sql("DELETE FROM links WHERE joiner = ?", east.siteId);
    expect(await consumer.request(provider, "api")).toBe("session.forbidden");
    expect(await provider.request(consumer, "web")).toBe("session.forbidden");
  });

  it("is refused with the own site and with an unknown site", async () => {
    const replica = await TestUplink.open(west, { offers: [offer("api")] });
    expect(await consumer.request(replica, "api")).toBe("session.forbidden");
    await call("DELETE", "/v1/networks/shop/sites/east");
    expect(await consumer.request(provider, "api")).toBe("session.forbidden");
  });

  it("is refused for a service that the peer does not offer", async () => {
    expect(await consumer.request(provider, "web")).toBe("service.unknown");
    expect(await consumer.request(provider, "nothing")).toBe("service.unknown");
    await TestUplink.open(east, { offers: [offer("db")] });
    expect(await consumer.request(provider, "db")).toBe("service.unknown");
    // A refusal costs only the request.
    expect(await consumer.request(provider, "api")).toMatchObject({ generation: 1 });
  });

  it("is refused while the peer has no uplink", async () => {
    provider.socket.close(1000);
    await provider.closed;
    expect(await consumer.request(provider, "api")).toBe("session.peer_offline");
    await TestUplink.open(east, { offers: [offer("api")] }, provider.boot);
    expect(await consumer.request(provider, "api")).toMatchObject({ generation: 1 });
  });

  it("finds a peer dead after 45 seconds of silence, and closes its uplink", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + KEEPALIVE.deadAfterMs);
    expect(await consumer.request(provider, "api")).toBe("session.peer_offline");
    expect(await provider.closed).toEqual({ code: 4503, reason: "uplink.lost" });
    expect(await events("shop", "site.down")).toMatchObject([{ site: "east", code: "uplink.lost" }]);
    expect(await sql("SELECT lost_at FROM offers WHERE service = 'api'")).toEqual([
      { lost_at: expect.any(Number) },
    ]);
  });

  it("is not needed to close silent uplinks: a status request closes them too", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + KEEPALIVE.deadAfterMs);
    const { sites, links } = await status("shop");
    expect(sites.map(({ state }) => state)).toEqual(["down", "down"]);
    expect(links.map(({ state, code }) => [state, code])).toEqual([
      ["down", "uplink.lost"],
      ["down", "uplink.lost"],
    ]);
    for (const uplink of [consumer, provider]) {
      expect(await uplink.closed).toEqual({ code: 4503, reason: "uplink.lost" });
    }
    expect(await events("shop", "link.down")).toHaveLength(2);
    const alarm = await runInDurableObject(registryOf(west), (_, { storage }) => storage.getAlarm());
    expect(alarm).not.toBeNull();
  });

  it("finds a peer alive that sent its keep-alive", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const start = Date.now();
    await alterUplinks(west, { openedAt: start - 3_600_000 });
    expect(await consumer.request(provider, "api")).toBe("session.peer_offline");
    const again = await TestUplink.open(east, { offers: [offer("api")] });
    await alterUplinks(west, { openedAt: start - 3_600_000 }, `boot:${again.boot}`);
    again.send(KEEPALIVE.ping);
    await again.take("a pong", (data) => (data === KEEPALIVE.pong ? data : null));
    expect(await consumer.request(again, "api")).toMatchObject({ generation: 1 });
  });
});

describe("a session", () => {
  const ended = (uplink: TestUplink, { session, generation }: Invitation, code = "session.closed") =>
    uplink.send({ type: "session.ended", session, generation, code });

  it("makes room for a new one after an instance reported its end", async () => {
    const first = await granted(consumer, provider, "api");
    ended(provider, first);
    await provider.settle();
    expect(await storedSessions()).toEqual([]);
    expect((await granted(consumer, provider, "api")).session).not.toBe(first.session);
  });

  it("is not ended by other instances, by a report of another generation, or by one of an unknown session", async () => {
    const first = await granted(consumer, provider, "api");
    const third = await TestUplink.open(await admit("shop", "north"));
    ended(third, first);
    await third.settle();
    ended(consumer, { ...first, generation: 2 });
    ended(consumer, { ...first, session: makeId("session", random()) });
    await consumer.settle();
    expect(await storedSessions()).toEqual([first.session]);
  });

  it("records an event for a suspicious end, and none for others", async () => {
    ended(consumer, await granted(consumer, provider, "api"));
    ended(consumer, await granted(consumer, provider, "api"), "session.tampered");
    await consumer.settle();
    expect(await events("shop", "session.ended")).toMatchObject([
      { site: "west", code: "session.tampered", actor: "west" },
    ]);
  });

  it("is forgotten if its process returns without holding it, and kept if it holds it", async () => {
    const second = await TestUplink.open(east, { offers: [offer("api")] });
    const held = await granted(consumer, provider, "api");
    await granted(consumer, second, "api");
    await sql("UPDATE sessions SET granted_at = granted_at - ?", SESSION_PENDING_MS);
    await TestUplink.open(west, { offers: [offer("web")], sessions: [held.session] }, consumer.boot);
    expect(await storedSessions()).toEqual([held.session]);
    await TestUplink.open(west, { offers: [offer("web")] }, consumer.boot);
    expect(await storedSessions()).toEqual([]);
  });

  it("keeps the sweep running, and ends when both its instances stay absent", async () => {
    const { session } = await granted(consumer, provider, "api");
    expect(await storedSessions()).toEqual([session]);
    expect(await runDurableObjectAlarm(registryOf(west))).toBe(true);
    expect(await storedSessions()).toEqual([session]);
    for (const uplink of [consumer, provider]) {
      uplink.socket.close(1000);
      await uplink.closed;
    }
    await vi.waitFor(async () => expect(await events("shop", "site.down")).toHaveLength(2), PATIENCE);
    expect(await runDurableObjectAlarm(registryOf(west))).toBe(true);
    expect(await storedSessions()).toEqual([session]);
    await sql("UPDATE sessions SET away_since = away_since - ?", SESSION_MEMORY_MS);
    expect(await runDurableObjectAlarm(registryOf(west))).toBe(true);
    expect(await storedSessions()).toEqual([]);
  });

  it("continues when a site is renamed, and the site and the peer learn the name, whether or not the peer sees any offer", async () => {
    const { session } = await granted(consumer, provider, "api");
    const [renamed, bystander] = [west.siteId, await TestUplink.open(await admit("shop", "north"))];
    await call("PATCH", "/v1/networks/shop/sites/west", { body: { name: "far-west" } });
    expect(await provider.next("renamed")).toMatchObject({ site: renamed, name: "far-west" });
    expect(await consumer.next("renamed")).toMatchObject({ site: renamed, name: "far-west" });
    await bystander.settle();
    expect(bystander.waiting("renamed")).toEqual([]);
    expect(await storedSessions()).toEqual([session]);
  });

  it("is cut when its site is revoked, and the peer is notified; other sessions continue", async () => {
    const third = await TestUplink.open(await admit("shop", "north"), { offers: [offer("db")] });
    const doomed = await granted(consumer, provider, "api");
    const other = await granted(consumer, third, "db");
    await call("POST", "/v1/networks/shop/sites/east/revoke");
    expect(await consumer.next("session.cut")).toMatchObject({
      session: doomed.session,
      code: "session.revoked",
    });
    expect(await provider.closed).toEqual({ code: 4403, reason: "site.revoked" });
    await consumer.settle();
    expect(consumer.waiting("services").flatMap(({ gone }) => gone)).toEqual(["api"]);
    await third.settle();
    expect(third.waiting("session.cut")).toEqual([]);
    expect(third.waiting("services").flatMap(({ gone }) => gone)).toEqual(["api"]);
    expect(await storedSessions()).toEqual([other.session]);
  });
});

describe("an idle network", () => {
  it("has no alarm", async () => {
    const alarm = await runInDurableObject(registryOf(west), (_, { storage }) => storage.getAlarm());
    expect(alarm).toBeNull();
    await TestUplink.open(east, { offers: [offer("api")] }, bootIdOf());
    expect(await runDurableObjectAlarm(registryOf(west))).toBe(false);
  });
});
