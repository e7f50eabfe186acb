import { describe, expect, it } from "vitest";
import type { SiteFlowRecord } from "../../../../../protocol/telemetry/flow-record.ts";
import { fromOf, toCsv, toJsonLines, toOf } from "../../../../../workers/console/app/flows/flow-export.ts";

const record = (rest: Partial<SiteFlowRecord> = {}): SiteFlowRecord => ({
  site: { site: "s1", name: "west" },
  kind: "request",
  state: "ended",
  at: 0,
  side: "listener",
  service: "web",
  protocol: "http1",
  peer: { site: "s2", name: "east" },
  client: null,
  process: null,
  target: null,
  session: null,
  stream: 1,
  bytesToTarget: 1,
  bytesToClient: 2,
  ms: 3.5,
  firstByteMs: null,
  outcome: "completed",
  ...rest,
});

describe("the ends of a flow", () => {
  it("are the reporting site and its peer at a listener, and the other way around at a target", () => {
    expect([fromOf(record()), toOf(record())]).toEqual(["west", "east"]);
    const target = record({ side: "target", peer: null });
    expect([fromOf(target), toOf(target)]).toEqual(["", "west"]);
  });
});

describe("flows as CSV", () => {
  it("have a line of names, and quotes where a text needs them", () => {
    const [head, line] = toCsv([record({ path: '/a,"b"' })]).split("\r\n");
    expect(head).toMatch(/^time,kind,state,from,to,service/);
    expect(line).toMatch(/^1970-01-01T00:00:00\.000Z,request,ended,west,east,web,http1,/);
    expect(line).toContain('"/a,""b"""');
  });

  it("have no text that a spreadsheet runs", () => {
    expect(toCsv([record({ process: "=HYPERLINK(1)" })])).toContain("'=HYPERLINK(1)");
  });
});

describe("flows as JSON lines", () => {
  it("have one record on each line", () => {
    const lines = toJsonLines([record(), record({ at: 5 })])
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line).at)).toEqual([0, 5]);
  });
});
