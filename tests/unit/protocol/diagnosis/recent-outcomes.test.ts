import { describe, expect, it } from "vitest";
import type { TrafficGroup, TrafficPoint } from "../../../../protocol/api/traffic.ts";
import {
  failureRemedy,
  outcomesText,
  recentOutcomes,
} from "../../../../protocol/diagnosis/recent-outcomes.ts";
import { trafficGroup } from "./example-traffic.ts";

/** Ten steps of 10 s; the newest has begun 5 s ago. */
const time = { from: "2026-11-26T12:00:00.000Z", at: "2026-11-26T12:01:35.000Z", stepSeconds: 10 };

type Steps = readonly (TrafficPoint | null)[];
const steps = (...newest: Steps): Steps => [...Array<null>(10 - newest.length).fill(null), ...newest];
const group = (points: Steps, labels: Partial<TrafficGroup> = {}) =>
  trafficGroup({ points: [...points], ...labels });

describe("recentOutcomes", () => {
  it("counts the newest steps alone where enough ended in them", () => {
    const old = { requests: 50, requestsFailed: 0 };
    const bad = { requests: 4, requestsFailed: 4 };
    const outcomes = recentOutcomes(time, [group(steps(old, old, bad, bad, bad), { code: "5xx" })]);
    expect(outcomes).toMatchObject({ requests: 12, requestsFailed: 12, seconds: 25, isFailing: true });
    expect(outcomes.since).toBe("2026-11-26T12:01:10.000Z");
  });

  it("goes back as far as it needs where little ends", () => {
    const outcomes = recentOutcomes(time, [
      group(steps({ closed: 1, failed: 1 }, null, null, null, { closed: 1, failed: 1 })),
    ]);
    expect(outcomes).toMatchObject({ ended: 2, failed: 2, seconds: 95, isFailing: true });
    expect(outcomes.since).toBe("2026-11-26T12:00:00.000Z");
  });

  it.each<[string, TrafficPoint, Partial<TrafficGroup>, boolean]>([
    ["connections without a byte for their clients", { closed: 5, failed: 5 }, {}, true],
    ["connections that clients reset after use", { closed: 5, failed: 5, bytesToClient: 9 }, {}, false],
    ["requests without a response", { requests: 5, requestsFailed: 5 }, { code: "none" }, true],
    [
      "requests that clients left during the response",
      { requests: 5, requestsFailed: 5 },
      { code: "2xx" },
      false,
    ],
    ["gRPC calls", { requests: 5, requestsFailed: 5 }, { code: "2xx", protocol: "grpc" }, true],
    ["less than half of the requests", { requests: 5, requestsFailed: 2 }, { code: null }, false],
    ["nothing", {}, {}, false],
  ])("judges failures of %s", (_, point, labels, isFailing) => {
    expect(recentOutcomes(time, [group(steps(point), labels)]).isFailing).toBe(isFailing);
  });

  it("says since when most fail, over steps without traffic", () => {
    const [good, bad] = [
      { requests: 9, requestsFailed: 1 },
      { requests: 9, requestsFailed: 9 },
    ];
    const outcomes = recentOutcomes(time, [group(steps(good, bad, null, bad, bad, bad))]);
    expect(outcomes.since).toBe("2026-11-26T12:00:50.000Z");
  });
});

describe("outcomesText and failureRemedy", () => {
  const textOf = (groups: TrafficGroup[]) => {
    const outcomes = recentOutcomes(time, groups);
    return [outcomesText(outcomes), failureRemedy(outcomes, "api", "west").command];
  };
  const failing = { requests: 6, requestsFailed: 6 };

  it("blame a server that answers with errors", () => {
    expect(textOf([group(steps(failing), { code: "5xx" }), group(steps({ closed: 6 }))])).toEqual([
      "In the last 25 seconds, 6 of 6 requests failed: the server answers with errors.",
      'fairlead flows "service:api status:5xx" --from-site west',
    ]);
  });

  it("blame a server that does not answer", () => {
    expect(textOf([group(steps(failing), { code: "none" })])).toEqual([
      "In the last 25 seconds, 6 of 6 requests failed: the server does not answer.",
      'fairlead flows "service:api outcome:failed" --from-site west',
    ]);
  });

  it("blame no server for answers that connectors gave", () => {
    expect(textOf([group(steps(failing), { code: "5xx" }), group(steps({ closed: 6, failed: 6 }))])).toEqual([
      "In the last 25 seconds, 6 of 6 connections and 6 of 6 requests failed.",
      'fairlead flows "service:api outcome:failed" --from-site west',
    ]);
  });

  it("blame nothing for a few failures", () => {
    const some = { requests: 20, requestsFailed: 1 };
    expect(textOf([group(steps(some, some, some))])[0]).toBe(
      "In the last 25 seconds, 3 of 60 requests failed.",
    );
  });
});
