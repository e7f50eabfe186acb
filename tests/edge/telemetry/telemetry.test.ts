import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LiveRequest } from "../../../protocol/api/live.ts";
import { FlowPage, Traffic } from "../../../protocol/api/traffic.ts";
import { MAX_FILTER } from "../../../protocol/telemetry/flow-filter.ts";
import { MAX_TELEMETRY_MESSAGE } from "../../../protocol/telemetry/messages.ts";
import { MAX_BEHIND_MS, MAX_QUEUED, MAX_UNSENT } from "../../../workers/live/backlog.ts";
import { LEVELS } from "../../../workers/telemetry/policy/windows.ts";
import { TelemetryStore } from "../../../workers/telemetry/store.ts";
import type { Telemetry } from "../../../workers/telemetry/telemetry.ts";
import { CONNECTOR_HEADER } from "../../../workers/telemetry/verified.ts";
import { bootIdOf } from "../../support/authority/test-site.ts";
import { ask, call, createKey, createNetwork, errorOf, expectAnswer } from "../../support/workerd/client.ts";
import { ADMIN_KEY, API_URL } from "../../support/workerd/environment.ts";
import { admit, hangUpAll, type Member, PATIENCE } from "../../support/workerd/member.ts";
import { resetEdge } from "../../support/workerd/reset.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";
import {
  dialTelemetry,
  streams,
  TelemetryLine,
  TrafficViewer,
  telemetryOf,
} from "../../support/workerd/telemetry-line.ts";

const DAY_MS = 86_400_000;

let west: Member;
let east: Member;

beforeEach(async () => {
  await createNetwork("shop");
  west = await admit("shop", "west");
  east = await admit("shop", "east");
});
afterEach(async () => {
  vi.restoreAllMocks();
  hangUpAll();
  await resetEdge();
});

const traffic = (query = "") =>
  expectAnswer(Traffic, call("GET", `/v1/networks/shop/traffic${query === "" ? "" : `?${query}`}`));

/** Waits until the only group has so many bytes to the target, and returns it. */
async function groupWith(bytesToTarget: number, query = "") {
  return await vi.waitFor(async () => {
    const { groups } = await traffic(query);
    const found = groups.find(({ totals }) => totals.bytesToTarget === bytesToTarget);
    if (found === undefined) throw new Error(JSON.stringify(groups));
    return found;
  }, PATIENCE);
}

const toEast = (parts = {}) => streams({ peer: east.siteId, ...parts });

/** Ends the object as a crash of the edge does, with what is in memory alone. */
async function crash(): Promise<void> {
  await runInDurableObject(telemetryOf(west), (_, ctx) => ctx.abort("crash")).catch(() => undefined);
}

const stored = (sql: string) =>
  runInDurableObject(telemetryOf(west), (_, { storage }) => storage.sql.exec(sql).toArray());

describe("the object of traffic", () => {
  it("counts what connectors report, by the sites and the service, with the values of the last steps", async () => {
    const line = await TelemetryLine.open(west);
    line.report(toEast({ opened: 2, closed: 1, bytesToTarget: 100, bytesToClient: 7, latency: [[3, 1]] }));
    const group = await groupWith(100);
    expect(group).toMatchObject({
      from: { id: west.siteId, name: "west" },
      to: { id: east.siteId, name: "east" },
      service: "db",
      process: null,
      totals: { opened: 2, closed: 1, bytesToTarget: 100, bytesToClient: 7, latency: [[3, 1]] },
    });
    expect(group.points).toHaveLength(90);
    expect(group.points.filter((point) => point !== null)).toEqual([
      { opened: 2, closed: 1, bytesToTarget: 100, bytesToClient: 7, latency: [[3, 1]] },
    ]);
    const { reporters } = await traffic();
    expect(reporters).toEqual([{ site: { id: west.siteId, name: "west" }, ageMs: expect.any(Number) }]);
  });

  it("counts each stream once, and the target's side by target", async () => {
    const [listening, offering] = [await TelemetryLine.open(west), await TelemetryLine.open(east)];
    listening.report(toEast({ opened: 1, bytesToTarget: 10, process: "psql" }));
    offering.report(
      streams({ side: "target", peer: west.siteId, opened: 1, bytesToTarget: 10, target: "127.0.0.1:5432" }),
      streams({ side: "target", door: true, opened: 1, bytesToTarget: 5, target: "127.0.0.1:5432" }),
    );
    await groupWith(10);
    await groupWith(5);
    expect((await traffic()).groups.map(({ from, totals }) => [from?.name, totals.bytesToTarget])).toEqual([
      ["west", 10],
      [undefined, 5],
    ]);
    expect((await traffic("by=process")).groups.map(({ process }) => process)).toEqual(["psql", null]);
    expect((await traffic("by=target")).groups.map(({ from, target }) => [from?.name, target])).toEqual([
      ["west", "127.0.0.1:5432"],
      [undefined, "127.0.0.1:5432"],
    ]);
  });

  it("adds up the processes of a site, and takes a repeated report once", async () => {
    const [first, second] = [await TelemetryLine.open(west), await TelemetryLine.open(west)];
    first.report(toEast({ bytesToTarget: 100 }));
    first.report(toEast({ bytesToTarget: 100 }));
    second.report(toEast({ bytesToTarget: 11 }));
    await groupWith(111);
    // The same process again, on another connection.
    const again = await TelemetryLine.open(west, first.boot);
    expect((await first.closed).reason).toBe("uplink.replaced");
    again.report(toEast({ bytesToTarget: 150 }));
    await groupWith(161);
  });

  it("keeps totals exact through its restarts, whether or not they were stored", async () => {
    const boot = bootIdOf();
    let bytes = 0;
    for (let restart = 0; restart < 4; restart++) {
      const line = await TelemetryLine.open(west, boot);
      // A connector sends all of its series after its hello.
      bytes += 100;
      line.report(toEast({ bytesToTarget: bytes }));
      await groupWith(bytes);
      if (restart % 2 === 0) await runDurableObjectAlarm(telemetryOf(west));
      await crash();
    }
    const line = await TelemetryLine.open(west, boot);
    line.report(toEast({ bytesToTarget: 500 }));
    await groupWith(500);
    // A new process counts from nothing.
    (await TelemetryLine.open(west)).report(toEast({ bytesToTarget: 30 }));
    await groupWith(530);
  });

  it("asks connectors to connect again when its memory is lost before it was stored", async () => {
    const line = await TelemetryLine.open(west);
    // The alarm that would have stored what is lost.
    await runInDurableObject(telemetryOf(west), (_, { storage }) => storage.setAlarm(Date.now() + 60_000));
    await evictDurableObject(telemetryOf(west), { webSockets: "hibernate" });
    await traffic();
    expect((await line.closed).reason).toBe("edge.restarting");
  });

  it("keeps connections when everything was stored before it hibernates", async () => {
    const line = await TelemetryLine.open(west);
    // The last minute of a day: every longer period ends with it, and these are stored one by one.
    const { advance } = stopClock(DAY_MS);
    line.report(toEast({ bytesToTarget: 100 }));
    await groupWith(100);
    for (const _ of LEVELS) {
      advance(60_000);
      await runDurableObjectAlarm(telemetryOf(west));
    }
    const levels = await stored(
      "SELECT slot / 10000 AS level, count(*) AS count FROM windows GROUP BY 1 ORDER BY 1",
    );
    expect(levels).toEqual(LEVELS.map((_, level) => ({ level, count: 1 })));
    expect(await runInDurableObject(telemetryOf(west), (_, { storage }) => storage.getAlarm())).toBeNull();
    await evictDurableObject(telemetryOf(west), { webSockets: "hibernate" });
    line.report(toEast({ bytesToTarget: 120 }));
    const group = await groupWith(120);
    expect(
      group.points
        .filter((point) => point !== null)
        .map((point) => point?.bytesToTarget ?? 0)
        .reduce((sum, count) => sum + count),
    ).toBe(120);
    expect(
      (await groupWith(120, "window=1h")).points.filter((point) => point !== null).length,
    ).toBeGreaterThan(0);
  });

  it("keeps notable records with the site that sent them, and none from the future", async () => {
    const line = await TelemetryLine.open(west);
    const record = {
      ...{ kind: "stream", state: "ended", at: Date.now() + 86_400_000, side: "listener", service: "db" },
      ...{ protocol: "tcp", peer: { site: east.siteId, name: "someone else" }, client: null, process: null },
      ...{
        target: null,
        session: null,
        stream: null,
        bytesToTarget: 1,
        bytesToClient: 1,
        ms: 5,
        firstByteMs: 1,
      },
      outcome: "service.refused",
    };
    line.send({ type: "series", series: [toEast({ opened: 1 })], open: 0, notable: [record] });
    const flows = (filter: string) =>
      expectAnswer(FlowPage, call("GET", `/v1/networks/shop/flows?filter=${encodeURIComponent(filter)}`));
    const found = await vi.waitFor(async () => {
      const page = await flows("outcome:failed");
      expect(page.flows).toHaveLength(1);
      return page.flows[0];
    }, PATIENCE);
    expect(found).toMatchObject({ site: { site: west.siteId, name: "west" }, outcome: "service.refused" });
    expect(found?.at).toBeLessThanOrEqual(Date.now());
    expect((await flows("site:east")).flows).toEqual([]);
    expect(await errorOf(call("GET", "/v1/networks/shop/flows?filter=nonsense:x"))).toEqual([
      400,
      "request.invalid",
    ]);
  });

  it("deletes everything with its network", async () => {
    const line = await TelemetryLine.open(west);
    line.report(toEast({ bytesToTarget: 100 }));
    await groupWith(100);
    await runDurableObjectAlarm(telemetryOf(west));
    expect((await call("DELETE", "/v1/networks/shop")).status).toBe(200);
    expect((await line.closed).reason).toBe("network.unknown");
    // A connection that was verified before arrives now.
    const connector = JSON.stringify({ site: west.siteId, name: "west", boot: bootIdOf() });
    const headers = { upgrade: "websocket", [CONNECTOR_HEADER]: connector };
    expect(await errorOf(telemetryOf(west).fetch("https://edge/", { headers }))).toEqual([
      404,
      "network.unknown",
    ]);
    expect(await stored("SELECT name FROM sqlite_master WHERE name IN ('totals', 'windows')")).toEqual([]);
    expect(await runInDurableObject(telemetryOf(west), (_, { storage }) => storage.getAlarm())).toBeNull();
  });

  it("keeps as many periods of each length as its windows show, however long there is traffic, and none after a pause", async () => {
    const now = Date.now();
    const [totals, counts] = [new Uint8Array([1]), new Uint8Array([2])];
    const rows = (before: number) =>
      LEVELS.flatMap(({ name, ms, kept }) =>
        Array.from({ length: kept + 20 }, (_, at) => ({
          ...{ level: name, at: (Math.floor(before / ms) - at) * ms, counts, records: null },
        })).reverse(),
      );
    const stored = await runInDurableObject(telemetryOf(west), (_, { storage }) => {
      const count = () =>
        storage.sql.exec<{ count: number }>("SELECT count(*) AS count FROM windows").one().count;
      const store = new TelemetryStore(storage);
      store.write(totals, rows(now), now);
      const kept = count();
      // Another start of the object, a day and a minute later, and then a year later.
      const seen = [86_460_000, 365 * 86_400_000].map((later) => {
        new TelemetryStore(storage).write(totals, [], now + later);
        return count();
      });
      return { kept, seen };
    });
    expect(stored).toEqual({ kept: 1440 + 1008 + 2160 + 90, seen: [expect.any(Number), 0] });
    expect(stored.seen[0]).toBeLessThan(1008 + 2160 + 90);
    expect(stored.seen[0]).toBeGreaterThan(1008 + 2160 + 90 - 144 - 24 - 10);
  });
});

describe("the metrics of a network", () => {
  it("have its traffic and its sites, by the names of Fairlead or of Skupper, for a key with a role there", async () => {
    const line = await TelemetryLine.open(west);
    line.report(toEast({ opened: 2, bytesToTarget: 100 }));
    await groupWith(100);
    const scraped = await call("GET", "/v1/networks/shop/metrics");
    expect(scraped.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const text = await scraped.text();
    expect(text).toMatch(
      /^fairlead_sent_bytes_total\{.*source_site_name="west".*dest_site_name="east".*\} 100$/m,
    );
    expect(text).toMatch(/^fairlead_site_info\{.*site_name="east".*\} 1$/m);
    const skupper = await (await call("GET", "/v1/networks/shop/metrics?names=skupper")).text();
    expect(skupper).toMatch(/^skupper_connections_opened_total\{.*\} 2$/m);
    expect(await errorOf(call("GET", "/v1/networks/shop/metrics", { key: null }))).toEqual([
      401,
      "key.missing",
    ]);
    await createNetwork("elsewhere");
    const key = await createKey("viewer", ["elsewhere"]);
    expect(await errorOf(call("GET", "/v1/networks/shop/metrics", { key }))).toEqual([403, "key.forbidden"]);
  });
});

describe("a telemetry connection", () => {
  it("ends when its site is revoked, and is refused from then on", async () => {
    const [line, other] = [await TelemetryLine.open(west), await TelemetryLine.open(east)];
    expect((await call("POST", "/v1/networks/shop/sites/west/revoke")).status).toBe(200);
    expect((await line.closed).reason).toBe("site.revoked");
    expect(await errorOf(dialTelemetry(west, bootIdOf()))).toEqual([403, "site.revoked"]);
    other.report(streams({ peer: west.siteId, bytesToTarget: 5 }));
    await groupWith(5);
  });

  it("ends with the error of a message that the protocol does not allow", async () => {
    const huge = toEast({ bytesToTarget: Number.MAX_SAFE_INTEGER * 4 });
    for (const message of [
      "nonsense",
      "x".repeat(MAX_TELEMETRY_MESSAGE + 1),
      { type: "series", series: [toEast({ bytesToTarget: -1 })], open: 0, notable: [] },
      { type: "series", series: [huge], open: 0, notable: [] },
      { type: "series", series: [toEast({ process: "x".repeat(1000) })], open: 0, notable: [] },
      { type: "series", series: [toEast({ service: "\u001b[2J" })], open: 0, notable: [] },
      { type: "hello", boot: bootIdOf(), software: "twice" },
    ]) {
      const line = await TelemetryLine.open(west);
      line.send(message);
      expect((await line.next("error")).error.code).toBe("telemetry.malformed");
      expect(await line.closed).toMatchObject({ code: 4400, reason: "telemetry.malformed" });
    }
    expect((await traffic()).groups).toEqual([]);
  });

  it("counts only for its own site, whatever peers it names", async () => {
    const line = await TelemetryLine.open(west);
    const stranger = `s${"0".repeat(26)}`;
    line.report(
      streams({ peer: stranger, bytesToTarget: Number.MAX_SAFE_INTEGER }),
      toEast({ bytesToTarget: Number.MAX_SAFE_INTEGER }),
      toEast({ bytesToTarget: Number.MAX_SAFE_INTEGER, process: "another" }),
    );
    line.report(toEast({ bytesToTarget: 3 }));
    const other = await TelemetryLine.open(east);
    other.report(streams({ peer: west.siteId, bytesToTarget: 5 }));
    await groupWith(5);
    const { groups } = await traffic();
    expect(groups.map(({ from, to, totals }) => [from?.name, to?.name, totals.bytesToTarget])).toEqual([
      ["west", undefined, Number.MAX_SAFE_INTEGER],
      ["west", "east", Number.MAX_SAFE_INTEGER],
      ["east", "west", 5],
    ]);
  });

  it("ends when its site reports more than its budget, and others go on", async () => {
    const line = await TelemetryLine.open(west);
    vi.spyOn(Date, "now").mockReturnValue(Date.now());
    for (let sent = 0; sent < 700; sent++) line.report();
    expect((await line.next("error")).error.code).toBe("telemetry.limited");
    expect((await line.closed).code).toBe(4429);
    expect(await errorOf(dialTelemetry(west, bootIdOf()))).toEqual([429, "telemetry.limited"]);
    await TelemetryLine.open(east);
  });
});

describe("the live channel of traffic", () => {
  it("sends the answer to a query, then what changes while it is watched", async () => {
    const line = await TelemetryLine.open(west);
    line.report(toEast({ bytesToTarget: 100 }));
    await groupWith(100);
    const viewer = await TrafficViewer.open("shop");
    viewer.send({ type: "traffic", query: { window: "15m" } });
    const { traffic: whole } = await viewer.next("traffic");
    expect(whole.groups.map(({ totals }) => totals.bytesToTarget)).toEqual([100]);
    expect((await line.next("cadence")).everyMs).toBe(1000);
    line.report(toEast({ bytesToTarget: 130 }));
    const tick = await viewer.next("tick");
    expect(tick.groups).toMatchObject([
      { from: { name: "west" }, to: { name: "east" }, totals: { bytesToTarget: 130 } },
    ]);
    expect(tick.groups[0]?.points).toHaveLength(1);
    viewer.socket.close(1000);
    expect((await line.next("cadence")).everyMs).toBe(10_000);
  });

  it("relays a tail to the connectors, and their records to its viewer alone", async () => {
    const line = await TelemetryLine.open(west);
    const [viewer, other] = [await TrafficViewer.open("shop"), await TrafficViewer.open("shop")];
    viewer.send({ type: "tail", filter: "service:db" });
    const { tail } = await line.next("tail.start");
    expect(tail.filter).toBe("service:db");
    // A connector that comes later hears of it in its welcome.
    other.send({ type: "traffic", query: { window: "15m" } });
    await other.next("traffic");
    line.send({ type: "records", tail: tail.id, records: [], left: 3 });
    expect(await viewer.next("records")).toEqual({ type: "records", records: [], left: 3 });
    viewer.send({ type: "untail" });
    expect((await line.next("tail.stop")).id).toBe(tail.id);
    expect(other.received.map(String).filter((text) => text.includes("records"))).toEqual([]);
  });

  it("relays the longest filter, to connectors that come later as well", async () => {
    const line = await TelemetryLine.open(west);
    const viewer = await TrafficViewer.open("shop");
    const filter = "\u65e5".repeat(MAX_FILTER);
    viewer.send({ type: "tail", filter });
    expect((await line.next("tail.start")).tail.filter).toBe(filter);
    const later = await TelemetryLine.open(west);
    expect(later.welcomed).toMatchObject([{ filter }]);
  });

  it("handles what a viewer sends at once in its order, though its key is looked up first", async () => {
    const line = await TelemetryLine.open(west);
    const viewer = await TrafficViewer.open("shop", await createKey("viewer", ["shop"]));
    viewer.send({ type: "tail", filter: "service:db" });
    viewer.send({ type: "watch" });
    viewer.send({ type: "tail", filter: "service:api" });
    expect((await line.next("tail.start")).tail.filter).toBe("service:db");
    expect((await line.next("tail.start")).tail.filter).toBe("service:api");
  });

  describe("to a viewer that does not read", () => {
    /** A viewer that is not accepted, so that nothing is read from it; its messages are handed to the object. */
    async function openStalled(...messages: LiveRequest[]): Promise<Response> {
      const headers = { upgrade: "websocket", authorization: `Bearer ${ADMIN_KEY}` };
      const answer = await ask(`${API_URL}/v1/networks/shop/live/traffic`, { headers });
      await onStalled(async (socket, telemetry) => {
        for (const message of messages) await telemetry.webSocketMessage(socket, JSON.stringify(message));
      });
      return answer;
    }

    const onStalled = (work: (socket: WebSocket, telemetry: Telemetry) => Promise<void> | void) =>
      runInDurableObject(telemetryOf(west) as DurableObjectStub<Telemetry>, async (telemetry, ctx) => {
        const socket = ctx.getWebSockets("viewer").at(-1);
        if (socket !== undefined) await work(socket, telemetry);
      });

    const stuff = (bytes: number) =>
      onStalled((socket) => {
        for (let sent = 0; sent < bytes; sent += MAX_QUEUED) socket.send("x".repeat(MAX_QUEUED));
      });

    const takeStuff = (viewer: TrafficViewer) =>
      viewer.take("what waited", (data) => (String(data).startsWith("x") ? data : null));

    /** A viewer that reads. Its tick tells that all viewers were looked at. */
    async function openWitness(): Promise<TrafficViewer> {
      const witness = await TrafficViewer.open("shop");
      witness.send({ type: "traffic", query: { window: "15m" } });
      await witness.next("traffic");
      return witness;
    }

    it("sends nothing more while too much waits, and everything once it has read, without another report", async () => {
      const line = await TelemetryLine.open(west);
      line.report(toEast({ bytesToTarget: 100 }));
      await groupWith(100);
      const answer = await openStalled({ type: "traffic", query: { window: "15m" } });
      await stuff(2 * MAX_QUEUED);
      const witness = await openWitness();
      line.report(toEast({ bytesToTarget: 130 }));
      await witness.next("tick");
      const viewer = new TrafficViewer(answer);
      expect((await viewer.next("traffic")).traffic.groups[0]?.totals.bytesToTarget).toBe(100);
      for (let at = 0; at < 2; at++) await takeStuff(viewer);
      expect((await viewer.next("traffic")).traffic.groups[0]?.totals.bytesToTarget).toBe(130);
      line.report(toEast({ bytesToTarget: 150 }));
      expect((await viewer.next("tick")).groups[0]?.totals.bytesToTarget).toBe(150);
      expect(viewer.received).toEqual([]);
    });

    it("counts the records that it leaves out, and tells their number once the viewer has read", async () => {
      const line = await TelemetryLine.open(west);
      const answer = await openStalled({ type: "tail", filter: "" });
      const { tail } = await line.next("tail.start");
      await stuff(2 * MAX_QUEUED);
      for (let sent = 0; sent < 3; sent++)
        line.send({ type: "records", tail: tail.id, records: [], left: 2 });
      line.report(toEast({ bytesToTarget: 100 }));
      await groupWith(100);
      const viewer = new TrafficViewer(answer);
      for (let at = 0; at < 2; at++) await takeStuff(viewer);
      expect((await viewer.next("records")).left).toBe(6);
      expect(viewer.received).toEqual([]);
    });

    it("closes it when far too much waits, or when it reads nothing for a minute", async () => {
      const line = await TelemetryLine.open(west);
      const tooMuch = await openStalled({ type: "traffic", query: { window: "15m" } });
      await stuff(MAX_UNSENT + MAX_QUEUED);
      const tooLong = await openStalled({ type: "traffic", query: { window: "15m" } });
      await stuff(2 * MAX_QUEUED);
      const witness = await openWitness();
      line.report(toEast({ bytesToTarget: 100 }));
      await witness.next("tick");
      expect(await new TrafficViewer(tooMuch).closed).toEqual({ code: 4408, reason: "live.behind" });
      witness.socket.close(1000);
      await witness.closed;
      const clock = vi.spyOn(Date, "now");
      const later = (ms: number) => clock.mockReturnValue(Date.now() + ms);
      later(MAX_BEHIND_MS - 10_000);
      await onStalled((socket, telemetry) => telemetry.webSocketMessage(socket, '{"type":"watch"}'));
      later(10_000);
      // The viewer is looked at every second while it is behind and its lease runs.
      await vi.waitFor(
        () => onStalled(({ readyState }) => expect(readyState).not.toBe(WebSocket.OPEN)),
        PATIENCE,
      );
      expect(await new TrafficViewer(tooLong).closed).toEqual({ code: 4408, reason: "live.behind" });
    });
  });

  it("closes a viewer that asks for nonsense", async () => {
    for (const message of [
      "nonsense",
      { type: "tail", filter: "nonsense:x" },
      { type: "traffic", query: { by: "x" } },
    ]) {
      const viewer = await TrafficViewer.open("shop");
      viewer.send(message);
      expect((await viewer.next("error")).error.code).toBe("request.invalid");
      expect((await viewer.closed).code).toBe(4400);
    }
  });

  it("is refused without a key, and with one for another network", async () => {
    await createNetwork("other");
    const key = await createKey("viewer", ["other"]);
    const path = "/v1/networks/shop/live/traffic";
    expect(await errorOf(call("GET", path, { key: null }))).toEqual([401, "key.missing"]);
    expect(await errorOf(call("GET", path, { key }))).toEqual([403, "key.forbidden"]);
    expect(await errorOf(call("GET", path))).toEqual([426, "live.upgrade"]);
  });

  it("runs nothing while viewers do not watch and connectors do not report", async () => {
    const viewer = await TrafficViewer.open("shop");
    const line = await TelemetryLine.open(west);
    await evictDurableObject(telemetryOf(west), { webSockets: "hibernate" });
    viewer.send("p");
    line.send("p");
    await viewer.take("a pong", (data) => (data === "P" ? data : null));
    await line.take("a pong", (data) => (data === "P" ? data : null));
    expect(await runInDurableObject(telemetryOf(west), (_, { storage }) => storage.getAlarm())).toBeNull();
  });
});
