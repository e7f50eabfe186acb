import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseDnsperf } from "../../bench/parse/dnsperf.ts";
import { parseH2load } from "../../bench/parse/h2load.ts";
import { parseIperf3 } from "../../bench/parse/iperf3.ts";
import { parsePgbench } from "../../bench/parse/pgbench.ts";
import { parseWrk } from "../../bench/parse/wrk.ts";
import { parseStat } from "../../bench/processes.ts";

const sample = (name: string): string => readFileSync(join(import.meta.dirname, "samples", name), "utf8");

describe("wrk", () => {
  test("gives requests per second and percentiles in milliseconds", () => {
    const result = parseWrk(sample("wrk.txt"));
    expect(result.requests).toBe(1095);
    expect(result.perSecond).toBeCloseTo(985.04, 1);
    expect(result).toMatchObject({ errors: 0, p50: 1.148, p99: 46.793, p999: 59.384 });
  });

  test("fails and shows the output when the line of the script is missing", () => {
    expect(() => parseWrk("unable to connect")).toThrow(/unable to connect/);
  });

  test("fails when there was no response at all", () => {
    const line = sample("wrk.txt").replace('"requests":1095', '"requests":0');
    expect(() => parseWrk(line)).toThrow("no answer");
  });
});

describe("h2load", () => {
  test("gives calls per second and the mean in milliseconds", () => {
    const output = sample("h2load.txt");
    expect(parseH2load(output)).toEqual({ calls: 58_630, perSecond: 29_315, meanMs: 1.31 });
    expect(parseH2load(output.replace(" 1.31ms ", "  800us ")).meanMs).toBeCloseTo(0.8);
  });

  test("fails when a call failed, or none succeeded", () => {
    const output = sample("h2load.txt");
    expect(() => parseH2load(output.replace("0 errored", "3 errored"))).toThrow("3 calls failed.");
    expect(() => parseH2load(output.replace("58630 succeeded", "0 succeeded"))).toThrow("no answer");
    expect(() => parseH2load("unable to connect")).toThrow(/unable to connect/);
  });
});

describe("dnsperf", () => {
  test("gives answers per second and the 99th percentile in milliseconds", () => {
    const result = parseDnsperf(sample("dnsperf.txt"));
    expect(result).toMatchObject({ answers: 30, failed: 0 });
    expect(result.perSecond).toBeCloseTo(29.99, 2);
    expect(result.p99).toBeCloseTo(2.746, 3);
  });

  test("gives no percentile without the line of each query", () => {
    expect(parseDnsperf(sample("dnsperf.txt").replace(/^> .*$/gm, "")).p99).toBeNaN();
  });

  test("counts queries that were lost or answered with an error", () => {
    const output = sample("dnsperf.txt")
      .replace("sent:         30", "sent:         32")
      .replace("NOERROR 30 (100.00%)", "NOERROR 29 (96.67%), SERVFAIL 1 (3.33%)");
    expect(parseDnsperf(output)).toMatchObject({ answers: 29, failed: 3 });
  });

  test("fails when there was no answer, or no result", () => {
    expect(() => parseDnsperf(sample("dnsperf.txt").replace("completed:    30", "completed:    0"))).toThrow(
      "no answer",
    );
    expect(() => parseDnsperf("unable to connect")).toThrow(/unable to connect/);
  });
});

describe("iperf3", () => {
  test("gives the receiver's rate after the warm-up, and the bytes with it", () => {
    const result = parseIperf3(sample("iperf3.json"));
    expect(result.bitsPerSecond).toBeCloseTo(18_344_286_474, -1);
    expect(result.bytes).toBe(2_555_117_568 + 2_433_744_896 + 2_153_250_816);
  });

  test("fails with the reason when iperf3 could not connect", () => {
    expect(() => parseIperf3(sample("iperf3-refused.json"))).toThrow("Connection refused");
  });

  test("fails when iperf3 received nothing", () => {
    expect(() => parseIperf3("{}")).toThrow("nothing was received");
  });
});

describe("pgbench", () => {
  test("gives transactions per second without the time to connect", () => {
    expect(parsePgbench(sample("pgbench.txt"))).toEqual({
      perSecond: 3626.180965,
      latency: 0.552,
      transactions: 3543,
      failed: 0,
    });
  });

  test("fails when pgbench ended early", () => {
    expect(() => parsePgbench("pgbench: error: connection refused")).toThrow("no tps");
  });
});

test("a process's name may have blanks and brackets in it", () => {
  const fields = "S 17 1 1 0 -1 4194560 1 2 3 4 250 50 7 3 20 0 1 0 100 0 0";
  const stat = { name: "tmux: (a) b", parent: 17, user: 250, system: 50, reaped: 10 };
  expect(parseStat(`42 (tmux: (a) b) ${fields}`)).toEqual(stat);
});
