import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT, repositoryFiles } from "../../support/run/repository-files.ts";

/** The wall clock, read: it may be set back or forward at any moment. */
const WALL_CLOCK = /\bDate\.now\b|\bnew Date\(\)|\bnew Date\b(?!\()/;

/** Where the wall clock belongs: in what is shown to people, and in what certificates and assertions say. */
const ALLOWED: readonly (readonly [file: string, why: string])[] = [
  ["connector/cli/framework/io.ts", "times that a command shows"],
  ["connector/dns/site-dns.ts", "the serial of a zone, which grows over restarts"],
  ["connector/control/report.ts", "since when a target is up or down, in status"],
  ["connector/http/server/gateway-response.ts", "the date of the connector's own responses"],
  ["connector/relay/flow.ts", "when a flow started, for observers"],
  [
    "connector/telemetry/flow-recorder.ts",
    "how long a stream has been open, and which records are of the last minute",
  ],
  ["connector/telemetry/telemetry.ts", "when the last report was sent, in status"],
  ["connector/config/config-reload.ts", "when the configuration was loaded, in status"],
  ["connector/runtime/registry-reports.ts", "the hello's time, with which the edge tells a wrong clock"],
  ["connector/edge/embedded-edge.ts", "the edge's own certificates"],
  ["connector/session/session.ts", "since when a session is there, in status"],
  ["connector/site/assertions.ts", "when an assertion begins and ends"],
  ["connector/site/renewer.ts", "when a certificate ends"],
  ["connector/site/site.ts", "when a certificate ends"],
  ["connector/kubernetes/cluster/event-recorder.ts", "when an Event happened"],
  [
    "connector/kubernetes/cluster/leader.ts",
    "the times in the Lease, which no connector compares with a clock",
  ],
  ["connector/kubernetes/cluster/reachability.ts", "since when the API server answers, in status"],
  ["connector/kubernetes/mcs/clusterset.ts", "the time of a condition's transition, for readers"],
  ["connector/listeners/tls/network-certificate.ts", "when a certificate ends"],
  ["connector/uplink/uplink.ts", "since when an uplink is up, in status; how far the edge's clock is off"],
];

/** Files of a folder that read the wall clock. */
function readersIn(folder: string): string[] {
  return repositoryFiles(folder)
    .filter((name) => name.endsWith(".ts") && WALL_CLOCK.test(readFileSync(join(ROOT, name), "utf8")))
    .sort();
}

describe("the wall clock", () => {
  it("is read in the connector only for what is shown or certified: a step must not hold or end anything", () => {
    expect(readersIn("connector")).toEqual(ALLOWED.map(([file]) => file).sort());
  });

  it("is not read in the protocol", () => {
    expect(readersIn("protocol")).toEqual([]);
  });

  it("is found in whatever form it is read", () => {
    for (const text of ["Date.now()", "= Date.now", "new Date()", "new Date;"])
      expect(WALL_CLOCK.test(text)).toBe(true);
    expect(WALL_CLOCK.test("new Date(ms).toISOString()")).toBe(false);
  });
});
