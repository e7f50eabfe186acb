import { describe, expect, it } from "vitest";
import {
  matchesFlow,
  matchesNetworkFlow,
  parseFlowFilter,
} from "../../../../protocol/telemetry/flow-filter.ts";
import type { SiteFlowRecord } from "../../../../protocol/telemetry/flow-record.ts";

const RECORD: SiteFlowRecord = {
  site: { site: "s00000000000000000000000000", name: "west" },
  kind: "request",
  state: "ended",
  at: 0,
  side: "listener",
  service: "shop",
  protocol: "http1",
  peer: { site: "s00000000000000000000000001", name: "east" },
  client: "10.0.0.7:4711",
  process: "Frontend (web)",
  target: null,
  session: null,
  stream: null,
  bytesToTarget: 100,
  bytesToClient: 2000,
  ms: 120,
  firstByteMs: 80,
  outcome: "completed",
  method: "GET",
  authority: "shop.internal",
  path: "/cart/login",
  status: 503,
};

const matches = (filter: string, record: SiteFlowRecord = RECORD) =>
  matchesFlow(parseFlowFilter(filter), record);

describe("matchesFlow", () => {
  it.each([
    "",
    "service:shop",
    "service:sh*",
    "from:west to:east",
    "status:5xx",
    "status:503",
    "ms>100 ms<121",
    "bytes>2000",
    "ttfb<81",
    "!service:db",
    "method:get",
    "login",
    'process:"frontend (web)"',
    '"frontend ("',
    "outcome:completed",
    "!outcome:failed",
    "  service:shop   !site:north  ",
  ])("accepts a record for %j", (filter) => {
    expect(matches(filter)).toBe(true);
  });

  it.each([
    "service:db",
    "!service:shop",
    "from:east",
    "status:4xx",
    "ms>120",
    "outcome:failed",
    "logout",
    "peer:west",
  ])("refuses a record for %j", (filter) => {
    expect(matches(filter)).toBe(false);
  });

  it("has no number above or below what is unknown", () => {
    const unknown = { ...RECORD, firstByteMs: null };
    expect(matches("ttfb>0", unknown)).toBe(false);
    expect(matches("ttfb<100000", unknown)).toBe(false);
  });

  it("counts every outcome but completed as failed", () => {
    expect(matches("outcome:failed", { ...RECORD, outcome: "target.refused" })).toBe(true);
    expect(matches("outcome:failed", { ...RECORD, outcome: null })).toBe(false);
  });
});

describe("matchesNetworkFlow", () => {
  const targetEnd: SiteFlowRecord = {
    ...RECORD,
    side: "target",
    client: null,
    process: null,
    target: "10.0.0.9:80",
  };
  const shows = (filter: string, record: SiteFlowRecord) =>
    matchesNetworkFlow(parseFlowFilter(filter), record);

  it("shows a flow once: by the record of the client's end", () => {
    expect(shows("service:shop", RECORD)).toBe(true);
    expect(shows("service:shop", targetEnd)).toBe(false);
  });

  it("shows the target's end for a filter that names it", () => {
    expect(shows("side:target", targetEnd)).toBe(true);
    expect(shows("target:10.0.0.9:80", targetEnd)).toBe(true);
    expect(shows("side:listener", targetEnd)).toBe(false);
  });

  it("shows the target's end for a client of the public door", () => {
    expect(shows("", { ...targetEnd, peer: { site: null, name: "door" } })).toBe(true);
  });
});

describe("parseFlowFilter", () => {
  it.each(["colour:red", "ms>fast", "service>3", "ms:3", "ms>", `x${"y".repeat(1000)}`])(
    "refuses %j with request.invalid",
    (filter) => {
      expect(() => parseFlowFilter(filter)).toThrow(expect.objectContaining({ code: "request.invalid" }));
    },
  );
});
