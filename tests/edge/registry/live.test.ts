import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SILENT_MS, WATCH_MS } from "../../../protocol/api/live.ts";
import { NetworkStatus } from "../../../protocol/api/status.ts";
import { MAX_BEHIND_MS, MAX_QUEUED, MAX_UNSENT } from "../../../workers/live/backlog.ts";
import { call, createKey, createNetwork, errorOf } from "../../support/workerd/client.ts";
import {
  type Member,
  offer,
  PATIENCE,
  registryOf,
  status,
  TestUplink,
} from "../../support/workerd/member.ts";
import { closeShop, openBusyShop } from "../../support/workerd/shop.ts";
import { runSql } from "../../support/workerd/stored.ts";
import { TestViewer, watch } from "../../support/workerd/viewer.ts";

let west: Member;
let consumer: TestUplink;
let provider: TestUplink;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  ({ west, consumer, provider } = await openBusyShop());
});
afterEach(closeShop);

const later = (ms: number) => vi.setSystemTime(Date.now() + ms);
const hibernate = () => evictDurableObject(registryOf(west), { webSockets: "hibernate" });
const siteIn = ({ sites }: NetworkStatus, name: string) => sites.find((site) => site.name === name);

describe("a viewer of the live channel", () => {
  it("gets the status, the last events and no silent site at first", async () => {
    const viewer = await TestViewer.open("shop");
    const { status: seen, events, silent } = await viewer.next("snapshot");
    expect(NetworkStatus.parse(seen)).toEqual(await status("shop"));
    expect(events.at(-1)?.type).toBe("service.appeared");
    expect(silent).toEqual([]);
  });

  it("gets only what a change changes, with its event, in numbered deltas", async () => {
    const viewer = await TestViewer.open("shop");
    const { seq } = await viewer.next("snapshot");
    provider.send({ type: "offers", offers: [offer("api"), offer("db")] });
    const [delta, ...more] = await viewer.until("db", ({ services }) => services !== undefined);
    expect(more).toEqual([]);
    expect(delta?.seq).toBe(seq + 1);
    expect(delta?.services).toMatchObject({ put: [{ name: "db" }], gone: [] });
    expect(delta?.sites?.put.map(({ name, services }) => [name, services])).toEqual([
      ["east", ["api", "db"]],
    ]);
    expect([delta?.links, delta?.network, delta?.silent]).toEqual([undefined, undefined, undefined]);
    expect(delta?.events?.map(({ type }) => type)).toEqual(["service.appeared"]);
  });

  it("learns that a site went down and came back, with its links and services", async () => {
    const viewer = await TestViewer.open("shop");
    await viewer.next("snapshot");
    provider.socket.close(1000);
    const [down] = (await viewer.until("the loss", ({ sites }) => sites?.put[0]?.state === "down")).slice(-1);
    expect(down?.sites?.put).toMatchObject([{ name: "east", state: "down", instances: [] }]);
    expect(down?.links?.put).toMatchObject([{ joiner: "east", state: "down", code: "uplink.lost" }]);
    expect(down?.services?.put).toMatchObject([{ name: "api", sites: [{ name: "east", state: "down" }] }]);
    expect(down?.events?.map(({ type }) => type)).toEqual(["site.down", "link.down"]);
    await TestUplink.open(provider.member, { offers: [offer("api")] });
    await viewer.until("the return", ({ sites }) => sites?.put[0]?.state === "up");
  });

  it("sees a stopped site, a deleted site and a withdrawn service go", async () => {
    const viewer = await TestViewer.open("shop");
    await viewer.next("snapshot");
    provider.send({ type: "bye" });
    const deltas = await viewer.until("the stop", ({ sites }) => sites?.put[0]?.stopped === true);
    expect(deltas.flatMap(({ services }) => services?.gone ?? [])).toEqual(["api"]);
    await call("DELETE", "/v1/networks/shop/sites/east");
    const [gone] = (await viewer.until("the end", ({ sites }) => sites?.gone.length === 1)).slice(-1);
    expect(gone?.sites?.gone).toEqual([provider.member.siteId]);
    expect(gone?.links?.gone).toHaveLength(1);
  });

  it("learns of listeners, round trips, refused offers and balances", async () => {
    const viewer = await TestViewer.open("shop");
    await viewer.next("snapshot");
    const failed = { service: "api", address: "127.0.0.1:80", state: "failed", code: "listener.port_taken" };
    consumer.send({ type: "listeners", listeners: [failed] });
    await viewer.until("the listener", ({ sites }) => sites?.put[0]?.listeners[0]?.state === "failed");
    consumer.send({ type: "measured", rtt: 12 });
    await viewer.until("the round trip", ({ sites }) => sites?.put[0]?.instances[0]?.rtt === 12);
    await call("PATCH", "/v1/networks/shop/sites/east", { body: { mayOffer: ["a*"] } });
    provider.send({ type: "offers", offers: [offer("api"), offer("db")] });
    const refused = { name: "db", code: "service.forbidden" };
    const deltas = await viewer.until("the refusal", ({ sites }) => sites?.put[0]?.refused !== undefined);
    expect(deltas.at(-1)?.sites?.put[0]?.refused).toMatchObject([refused]);
    await call("PATCH", "/v1/networks/shop/services/api/balance", { body: { mode: "priority" } });
    await viewer.until("the balance", ({ services }) => services?.put[0]?.balance?.isSet === true);
  });

  it("shares the work with the others, and has the same messages", async () => {
    const first = await TestViewer.open("shop");
    await first.next("snapshot");
    const second = await TestViewer.open("shop");
    await second.next("snapshot");
    provider.send({ type: "offers", offers: [] });
    const fits = ({ services }: { services?: object | undefined }) => services !== undefined;
    expect(await first.until("the end", fits)).toEqual(await second.until("the end", fits));
  });

  it("is told of a repeated event by its number", async () => {
    const viewer = await TestViewer.open("shop");
    await viewer.next("snapshot");
    const failed = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) => ({
        service: `s${from + at}`,
        address: `127.0.0.1:${from + at}`,
        state: "failed",
        code: "listener.port_taken",
      }));
    consumer.send({ type: "listeners", listeners: failed(1000, 20) });
    const [last] = (await viewer.until("the events", ({ events }) => events?.length === 20)).slice(-1);
    consumer.send({ type: "listeners", listeners: failed(2000, 5) });
    const deltas = await viewer.until("the count", ({ events }) => events?.[0]?.count !== undefined);
    expect(deltas.at(-1)?.events).toMatchObject([{ id: last?.events?.at(-1)?.id, count: 6 }]);
  });
});

describe("the lease of a viewer", () => {
  it("ends without `watch`: the viewer is told nothing until it watches again, and then everything", async () => {
    const viewer = await TestViewer.open("shop");
    await viewer.next("snapshot");
    later(WATCH_MS - 1000);
    const other = await TestViewer.open("shop");
    await other.next("snapshot");
    later(2000);
    await call("PATCH", "/v1/networks/shop/sites/east", { body: { mayOffer: ["a*"] } });
    await other.until("the change", ({ sites }) => sites?.put[0]?.mayOffer !== null);
    expect(viewer.received).toEqual([]);
    viewer.send({ type: "watch" });
    const { status: seen } = await viewer.next("snapshot");
    expect(siteIn(seen, "east")?.mayOffer).toEqual(["a*"]);
    expect(viewer.received).toEqual([]);
  });

  it("is renewed by `watch`, without another snapshot", async () => {
    const viewer = await TestViewer.open("shop");
    await viewer.next("snapshot");
    later(WATCH_MS - 1000);
    viewer.send({ type: "watch" });
    viewer.send({ type: "of a newer version" });
    viewer.send("not JSON");
    await provider.settle();
    later(WATCH_MS - 1000);
    provider.send({ type: "offers", offers: [] });
    await viewer.until("the end of the service", ({ services }) => services?.gone[0] === "api");
  });

  it("survives hibernation, after which the viewer gets a snapshot and further deltas", async () => {
    const viewer = await TestViewer.open("shop");
    await viewer.next("snapshot");
    // The object sleeps only when no lease runs.
    later(WATCH_MS);
    await hibernate();
    later(-WATCH_MS);
    provider.send({ type: "offers", offers: [offer("api"), offer("db")] });
    const { seq } = await viewer.next("snapshot");
    provider.send({ type: "offers", offers: [] });
    const deltas = await viewer.until(
      "the end of the services",
      ({ services }) => services?.gone.includes("api") === true,
    );
    expect(deltas.map((delta) => delta.seq)).toEqual(deltas.map((_, index) => seq + 1 + index));
  });

  it("has silent instances listed while it runs", async () => {
    later(SILENT_MS + 1000);
    const viewer = await TestViewer.open("shop");
    const { silent } = await viewer.next("snapshot");
    expect(silent.map(({ boot }) => boot).sort()).toEqual([consumer.boot, provider.boot].sort());
    expect(silent.map(({ site }) => site)).toContain(west.siteId);
    const [heardAt = ""] = silent.map((each) => each.heardAt);
    expect(Date.now() - Date.parse(heardAt)).toBeGreaterThan(SILENT_MS);
  });

  it("closes uplinks that stay silent, and says so", async () => {
    const viewer = await TestViewer.open("shop");
    await viewer.next("snapshot");
    later(50_000);
    await viewer.until(
      "the loss of both",
      ({ sites }) => sites?.put.every(({ state }) => state === "down") === true,
    );
    expect(siteIn(await status("shop"), "west")?.state).toBe("down");
  });
});

describe("a viewer of the live channel that does not read", () => {
  /** Lets bytes wait for the viewers that are open now, of which nothing was read so far. */
  const stuff = (bytes: number) =>
    runInDurableObject(registryOf(west), (_, ctx) => {
      for (const socket of ctx.getWebSockets("viewer")) {
        for (let sent = 0; sent < bytes; sent += MAX_QUEUED) socket.send("x".repeat(MAX_QUEUED));
      }
    });
  const change = async (names: string[], witness: TestViewer) => {
    provider.send({ type: "offers", offers: names.map((name) => offer(name)) });
    await witness.until(names.join(), ({ services }) => services !== undefined);
  };

  it("is told nothing more while too much waits for it, and everything once it has read", async () => {
    // A socket that is not accepted reads nothing.
    const answer = await watch("shop");
    await stuff(2 * MAX_QUEUED);
    const witness = await TestViewer.open("shop");
    await change(["api", "db"], witness);
    await change(["api", "db", "web"], witness);
    const viewer = new TestViewer(answer);
    const { seq, status: first } = await viewer.next("snapshot");
    expect(first.services).toHaveLength(1);
    for (let at = 0; at < 2; at++) {
      await viewer.take("what waited", (data) => (String(data).startsWith("x") ? data : null));
    }
    viewer.send({ type: "watch" });
    const again = await viewer.next("snapshot");
    expect(again.status.services).toHaveLength(3);
    expect(again.seq).toBeGreaterThan(seq);
    await change(["api"], witness);
    const [delta] = await viewer.until("the end of two", ({ services }) => services?.gone.length === 2);
    expect(delta?.seq).toBe(again.seq + 1);
    expect(viewer.received).toEqual([]);
  });

  it("is closed when far too much waits, and the others are told on", async () => {
    const answer = await watch("shop");
    await stuff(MAX_UNSENT + MAX_QUEUED);
    await change(["api", "db"], await TestViewer.open("shop"));
    expect(await new TestViewer(answer).closed).toEqual({ code: 4408, reason: "live.behind" });
  });

  it("is closed when it reads nothing for a minute, though it renews its lease", async () => {
    const answer = await watch("shop");
    await stuff(2 * MAX_QUEUED);
    const witness = await TestViewer.open("shop");
    await change(["api", "db"], witness);
    later(MAX_BEHIND_MS / 2);
    await runInDurableObject(registryOf(west), (registry, ctx) => {
      const [socket] = ctx.getWebSockets("viewer");
      return socket && registry.webSocketMessage(socket, JSON.stringify({ type: "watch" }));
    });
    witness.send({ type: "watch" });
    later(MAX_BEHIND_MS / 2);
    await change(["api"], witness);
    expect(await new TestViewer(answer).closed).toEqual({ code: 4408, reason: "live.behind" });
  });

  it("takes up memory while its connection lasts, so that sockets are limited besides open viewers", async () => {
    const answers: Response[] = [];
    for (let round = 0; round < 2; round++) {
      answers.push(...(await Promise.all(Array.from({ length: 50 }, () => watch("shop")))));
      expect(await errorOf(watch("shop"))).toEqual([429, "live.too_many"]);
      await runInDurableObject(registryOf(west), (_, ctx) => {
        for (const socket of ctx.getWebSockets("viewer")) socket.close(4408, "live.behind");
      });
    }
    expect(await errorOf(watch("shop"))).toEqual([429, "live.too_many"]);
    const [viewer] = answers.map((answer) => new TestViewer(answer));
    await viewer?.closed;
    await vi.waitFor(async () => (await TestViewer.open("shop")).next("snapshot"), PATIENCE);
  });
});

describe("the live channel", () => {
  it("takes no viewer for an uplink", async () => {
    const viewer = await TestViewer.open("shop");
    await viewer.next("snapshot");
    viewer.send({ type: "hello", versions: { min: 1, max: 1 } });
    viewer.send({ type: "bye" });
    viewer.send("p");
    await viewer.take("the reply to a keep-alive", (data) => (data === "P" ? data : null));
    expect((await status("shop")).sites.map(({ state }) => state)).toEqual(["up", "up"]);
    expect((await status("shop")).sites.flatMap(({ instances }) => instances)).toHaveLength(2);
    viewer.socket.close(1000);
    expect(await viewer.closed).toMatchObject({ code: 1000 });
    expect((await status("shop")).sites.map(({ state }) => state)).toEqual(["up", "up"]);
  });

  it("needs an upgrade, a network, and a key with a role there", async () => {
    expect(await errorOf(watch("shop", { upgrade: false }))).toEqual([426, "live.upgrade"]);
    expect(await errorOf(watch("nowhere"))).toEqual([404, "network.unknown"]);
    expect(await errorOf(watch("shop", { key: "flk_wrong_key" }))).toEqual([401, "key.invalid"]);
    await createNetwork("other");
    const key = await createKey("viewer", ["other"]);
    expect(await errorOf(watch("shop", { key }))).toEqual([403, "key.forbidden"]);
    const own = await createKey("viewer", ["shop"]);
    await (await TestViewer.open("shop", own)).next("snapshot");
  });

  it("closes a viewer whose key was revoked at its next `watch`", async () => {
    const key = await createKey("viewer", ["shop"]);
    const viewer = await TestViewer.open("shop", key);
    await viewer.next("snapshot");
    await call("DELETE", `/v1/keys/${/^flk_([^_]+)_/.exec(key)?.[1]}`);
    later(10_000);
    viewer.send({ type: "watch" });
    expect((await viewer.next("error")).error.code).toBe("key.invalid");
    expect(await viewer.closed).toEqual({ code: 4401, reason: "key.invalid" });
  });

  it("takes 50 viewers, and refuses further ones", async () => {
    const viewers = await Promise.all(Array.from({ length: 50 }, () => TestViewer.open("shop")));
    expect(await errorOf(watch("shop"))).toEqual([429, "live.too_many"]);
    viewers[0]?.socket.close(1000);
    await viewers[0]?.closed;
    await (await TestViewer.open("shop")).next("snapshot");
  });

  it("refuses long messages", async () => {
    const viewer = await TestViewer.open("shop");
    viewer.send("x".repeat(10_000));
    expect(await viewer.closed).toEqual({ code: 4413, reason: "request.too_large" });
  });

  it("tells what changes at most four times a second, and once a second above 300 sites", async () => {
    const delays = async (...modes: string[]): Promise<number[]> => {
      const viewer = await TestViewer.open("shop");
      await viewer.next("snapshot");
      const timers = vi.spyOn(globalThis, "setTimeout");
      for (const mode of modes) {
        await call("PATCH", "/v1/networks/shop/services/api/balance", { body: { mode } });
      }
      await viewer.until("a balance", ({ services }) => services !== undefined);
      const used = timers.mock.calls.map(([, ms]) => ms);
      timers.mockRestore();
      return [250, 1000].filter((ms) => used.includes(ms));
    };
    expect(await delays("priority", "cost")).toEqual([250]);
    await runSql(
      west,
      `WITH RECURSIVE counted (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM counted WHERE n < 300)
        INSERT INTO sites (id, name, state, since, created_at)
        SELECT 's' || printf('%026d', n), 'n' || n, 'new', 1, 1 FROM counted`,
    );
    expect(await delays("cost", "priority")).toEqual([1000]);
  });

  it("ends with its network", async () => {
    const viewer = await TestViewer.open("shop");
    await call("DELETE", "/v1/networks/shop");
    expect(await viewer.closed).toEqual({ code: 4404, reason: "network.unknown" });
  });

  it("stores nothing for viewers", async () => {
    const count = () =>
      runInDurableObject(registryOf(west), (_, { storage }) =>
        storage.sql.exec<{ changes: number }>("SELECT total_changes() AS changes").one(),
      );
    const before = await count().catch(() => null);
    const viewer = await TestViewer.open("shop");
    await viewer.next("snapshot");
    viewer.send({ type: "watch" });
    await provider.settle();
    expect(await count().catch(() => null)).toEqual(before);
  });
});
