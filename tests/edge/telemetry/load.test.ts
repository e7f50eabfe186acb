/** What the object of traffic reads, writes and receives with many connectors, in time that is passed in. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Traffic } from "../../../protocol/api/traffic.ts";
import type { SeriesReport } from "../../../protocol/telemetry/series.ts";
import { call, createNetwork, expectAnswer } from "../../support/workerd/client.ts";
import { admit, hangUpAll, type Member, PATIENCE } from "../../support/workerd/member.ts";
import { resetEdge } from "../../support/workerd/reset.ts";
import { rowsOf } from "../../support/workerd/row-meter.ts";
import { streams, TelemetryLine, TrafficViewer, telemetryOf } from "../../support/workerd/telemetry-line.ts";

afterEach(async () => {
  vi.restoreAllMocks();
  hangUpAll();
  await resetEdge();
});

const CONNECTORS = 50;
const REQUESTS_PER_SECOND = 10_000;
const MINUTES = 3;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** In the last minute a console watches for so long, ms. The rest of the minute would show the same. */
const WATCHED_MS = 10_000;

/** The next end of an hour at which no longer period ends: not midnight, ms since 1970. */
function endOfHour(now: number): number {
  const end = Math.ceil(now / HOUR_MS) * HOUR_MS;
  return end % DAY_MS === 0 ? end + HOUR_MS : end;
}

/** The series of one connector that has carried so many requests. */
function reportOf(peer: string, requests: number): SeriesReport[] {
  const request = { peer, service: "api", protocol: "http1", latency: [[7, requests]] } as const;
  return [
    streams({
      peer,
      service: "api",
      opened: 10,
      bytesToTarget: requests * 300,
      bytesToClient: requests * 2000,
    }),
    streams({
      ...request,
      method: "GET",
      code: "2xx",
      opened: requests,
      closed: requests,
      latency: [[7, requests]],
    }),
    streams({
      ...request,
      method: "POST",
      code: "5xx",
      opened: requests,
      closed: requests,
      failed: requests,
      latency: [],
    }),
  ];
}

describe("an object of traffic with 50 connectors and 10,000 requests a second", () => {
  it("writes at most five rows a minute, and receives at most 100 messages a second", async () => {
    await createNetwork("shop");
    const members: Member[] = [await admit("shop", "west"), await admit("shop", "east")];
    const telemetry = telemetryOf(members[0] ?? expect.fail());
    let now = endOfHour(Date.now()) - (MINUTES - 1) * 60_000;
    vi.spyOn(Date, "now").mockImplementation(() => now);
    let everyMs = 0;
    let messages = 0;
    let perSecond = 0;
    let requests = 0;
    const received = () =>
      vi.waitFor(async () => {
        const { groups } = await expectAnswer(Traffic, call("GET", "/v1/networks/shop/traffic"));
        expect(groups.reduce((sum, { totals }) => sum + totals.bytesToTarget, 0)).toBe(
          requests * 300 * CONNECTORS,
        );
      }, PATIENCE);
    // The object runs, so that it can be told to hibernate.
    (await TrafficViewer.open("shop")).socket.close(1000);
    const rows = await rowsOf(telemetry, async () => {
      const lines = await Promise.all(
        Array.from({ length: CONNECTORS }, async (_, at) => {
          const member = members[at % 2] ?? expect.fail();
          return {
            line: await TelemetryLine.open(member),
            peer: (members[(at + 1) % 2] ?? expect.fail()).siteId,
          };
        }),
      );
      everyMs = lines[0]?.line.everyMs ?? expect.fail();
      for (let minute = 0; minute < MINUTES; minute++) {
        for (let ms = 0; ms < 60_000; ms += everyMs) {
          now += everyMs;
          requests += (REQUESTS_PER_SECOND * everyMs) / 1000 / CONNECTORS;
          for (const { line, peer } of lines) line.report(...reportOf(peer, requests));
          messages += CONNECTORS;
        }
        await received();
        await runDurableObjectAlarm(telemetry);
      }

      // Every connector reports more often, and no more is written.
      const viewer = await TrafficViewer.open("shop");
      viewer.send({ type: "traffic", query: { window: "15m" } });
      await viewer.next("traffic");
      const cadences = await Promise.all(lines.map(({ line }) => line.next("cadence")));
      perSecond = cadences.reduce((sum, cadence) => sum + 1000 / cadence.everyMs, 0);
      for (let ms = 0; ms < WATCHED_MS; ms += 1000) {
        now += 1000;
        requests += REQUESTS_PER_SECOND / CONNECTORS;
        for (const { line, peer } of lines) line.report(...reportOf(peer, requests));
      }
      await received();
      now += 60_000 - WATCHED_MS;
      await runDurableObjectAlarm(telemetry);
      viewer.socket.close(1000);
    });
    expect(messages / (MINUTES * 60)).toBeLessThanOrEqual(100);
    expect(perSecond).toBe(CONNECTORS);
    expect(perSecond).toBeLessThanOrEqual(100);
    expect(rows.written / (MINUTES + 1)).toBeLessThanOrEqual(5);
    // The rows of the periods that are over: every minute, and ten minutes and the hour among them.
    const levels = await runInDurableObject(telemetry, (_, { storage }) =>
      storage.sql
        .exec("SELECT slot / 10000 AS level, count(*) AS count FROM windows GROUP BY 1 ORDER BY 1")
        .toArray(),
    );
    expect(levels).toEqual([
      { level: 0, count: expect.any(Number) },
      { level: 1, count: expect.any(Number) },
      { level: 2, count: 1 },
    ]);
    const hour = await expectAnswer(Traffic, call("GET", "/v1/networks/shop/traffic?window=1h"));
    const ofHour = hour.groups.flatMap(({ points }) => points.map((point) => point?.requests ?? 0));
    expect(ofHour.reduce((sum, count) => sum + count, 0)).toBe(2 * requests * CONNECTORS);
  });
});
