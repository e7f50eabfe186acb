import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KEEPALIVE } from "../../../protocol/uplink/messages.ts";
import { OFFER_GRACE_MS } from "../../../workers/registry/policy/uplinks.ts";
import { dial, errorOf } from "../../support/workerd/client.ts";
import {
  admit,
  events,
  eventTypes,
  type Member,
  offer,
  PATIENCE,
  registryOf,
  status,
  TestUplink,
} from "../../support/workerd/member.ts";
import { closeShop, openBusyShop } from "../../support/workerd/shop.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";
import { alterUplinks } from "../../support/workerd/stored.ts";

let west: Member;
let east: Member;
let consumer: TestUplink;
let provider: TestUplink;

beforeEach(async () => {
  ({ west, east, consumer, provider } = await openBusyShop());
});
afterEach(closeShop);

const hibernate = () => evictDurableObject(registryOf(west), { webSockets: "hibernate" });
const restart = () => evictDurableObject(registryOf(west), { webSockets: "close" });
const attachments = () =>
  runInDurableObject(registryOf(west), (_, ctx) =>
    ctx
      .getWebSockets()
      .map((socket) => socket.deserializeAttachment() as Record<string, unknown>)
      .filter(({ ended }) => ended === false),
  );

describe("a hibernated registry", () => {
  it("keeps its uplinks", async () => {
    const before = await attachments();
    expect(before).toHaveLength(2);
    await hibernate();
    expect(await attachments()).toEqual(before);
    expect((await status("shop")).sites.map(({ name, state }) => [name, state])).toEqual([
      ["east", "up"],
      ["west", "up"],
    ]);
    expect((await status("shop")).links.map(({ state }) => state)).toEqual(["up", "up"]);
    expect(await eventTypes("shop")).toEqual([
      "site.up",
      "link.up",
      "site.up",
      "link.up",
      "service.appeared",
    ]);
  });

  it("handles the next message, and notifies the other sites", async () => {
    await hibernate();
    provider.send({ type: "offers", offers: [offer("api"), offer("db")] });
    expect((await consumer.next("services")).put.map(({ name }) => name)).toEqual(["db"]);
    await hibernate();
    const grant = await consumer.request(provider, "db");
    expect(grant).toMatchObject({ generation: 1, peer: { boot: provider.boot } });
    expect((await provider.next("session.offer")).invitation.peer.boot).toBe(consumer.boot);
  });

  it("gives a second request for a pair the session that it granted before hibernation", async () => {
    // A request joins a session for some seconds after its grant.
    stopClock();
    const first = await consumer.request(provider, "api");
    await hibernate();
    expect(await consumer.request(provider, "api")).toMatchObject({
      session: (first as { session: string }).session,
    });
  });

  it("still knows which uplinks have said hello", async () => {
    const silent = await TestUplink.open(await admit("shop", "north"));
    await alterUplinks(west, { software: null }, `boot:${silent.boot}`);
    await hibernate();
    consumer.send(consumer.hello());
    expect(await consumer.closed).toEqual({ code: 4400, reason: "uplink.out_of_order" });
    silent.send({ type: "offers", offers: [] });
    expect(await silent.closed).toEqual({ code: 4400, reason: "uplink.out_of_order" });
  });

  it("does not count an uplink as live that it closed before hibernation", async () => {
    provider.send("rubbish");
    await provider.next("error");
    await hibernate();
    expect((await attachments()).map(({ site }) => site)).toEqual([west.siteId]);
    expect(await consumer.request(provider, "api")).toBe("session.peer_offline");
  });

  it("refuses an assertion that it saw before hibernation", async () => {
    const assertion = { jti: `${consumer.boot}.1` };
    await hibernate();
    expect(await errorOf(dial(west, { assertion }))).toEqual([403, "assertion.replayed"]);
  });

  it("detects uplinks that closed during hibernation", async () => {
    await hibernate();
    provider.socket.close(1000);
    await vi.waitFor(async () => expect(await events("shop", "site.down")).toHaveLength(1), PATIENCE);
    expect(await events("shop", "site.down")).toMatchObject([
      { site: "east", text: "Site east is down.", code: "uplink.lost" },
    ]);
    expect(await events("shop", "link.down")).toMatchObject([{ site: "east" }]);
  });
});

describe("the keep-alive", () => {
  it("is answered without waking the registry, and keeps the uplink alive", async () => {
    await hibernate();
    const asked = Date.now();
    consumer.send(KEEPALIVE.ping);
    await consumer.take("a pong", (data) => (data === KEEPALIVE.pong ? data : null));
    const heard = await runInDurableObject(registryOf(west), (_, ctx) =>
      ctx
        .getWebSockets(`boot:${consumer.boot}`)
        .map((socket) => ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0),
    );
    expect(heard).toHaveLength(1);
    // The time is that of the keep-alive, not of the hello.
    expect(heard[0]).toBeGreaterThanOrEqual(asked);
  });
});

describe("a restarted registry", () => {
  it("marks absent sites as down and their offers as lost, and has set its alarm", async () => {
    const before = Date.now();
    await restart();
    expect((await consumer.closed).code).toBe(1006);
    expect((await status("shop")).sites.map(({ state }) => state)).toEqual(["down", "down"]);
    const stored = await runInDurableObject(registryOf(west), async (_, { storage }) => ({
      states: storage.sql.exec("SELECT DISTINCT state FROM sites").toArray(),
      lost: storage.sql.exec("SELECT lost_at FROM offers").toArray(),
      alarm: await storage.getAlarm(),
    }));
    expect(stored.states).toEqual([{ state: "down" }]);
    expect(stored.lost).toEqual([{ lost_at: expect.any(Number) }]);
    expect(stored.alarm).toBeGreaterThanOrEqual(before + OFFER_GRACE_MS);
    const down = await events("shop", "site.down");
    expect(down.map(({ site }) => site)).toEqual(["east", "west"]);
  });

  it("withdraws nothing from sites that return in time", async () => {
    await restart();
    const back = await TestUplink.dial(west, consumer.boot);
    const welcome = await back.greet();
    expect(welcome.services.map(({ name }) => name)).toEqual(["api"]);
    await TestUplink.open(east, { offers: [offer("api")] }, provider.boot);
    await runDurableObjectAlarm(registryOf(west));
    await back.settle();
    expect(back.waiting("services")).toEqual([]);
    expect(await events("shop", "service.gone")).toEqual([]);
  });
});
