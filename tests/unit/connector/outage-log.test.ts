import { describe, expect, it } from "vitest";
import { OutageLog } from "../../../connector/outage-log.ts";
import { UplinkStates } from "../../../connector/uplink/state.ts";
import { ERRORS, type ErrorCode } from "../../../protocol/errors.ts";
import { MemoryLog } from "../../support/connector/memory-log.ts";

function stand() {
  const log = new MemoryLog();
  const clock = { ms: 0 };
  return { log, clock, outage: new OutageLog(log, () => clock.ms) };
}
const shown = ({ lines }: MemoryLog) =>
  lines.filter(({ level }) => level !== "debug").map(({ level, text }) => `${level} ${text}`);

describe("the log of an outage", () => {
  it("has a line for its first failure and one for its end, with its length", () => {
    const { log, clock, outage } = stand();
    outage.failed({ code: "uplink.lost" }, "lost");
    clock.ms = 30_000;
    outage.failed({ code: "edge.unreachable" }, "unreachable");
    outage.failed({ code: "uplink.lost" }, "lost again");
    clock.ms = 70_000;
    outage.ended({}, (length) => `back after ${length}`);
    expect(shown(log)).toEqual(["warn lost", "info back after 70 s"]);
    expect(log.lines.filter(({ level }) => level === "debug")).toHaveLength(2);
    expect(log.find("back")?.fields).toEqual({ outageMs: 70_000 });
  });

  it("has a line for each code that needs a repair", () => {
    const { log, outage } = stand();
    const codes: ErrorCode[] = [
      "uplink.lost",
      "site.revoked",
      "uplink.lost",
      "certificate.revoked",
      "site.revoked",
    ];
    expect(codes.map((code) => ERRORS[code].retry ?? false)).toEqual([true, false, true, false, false]);
    for (const code of codes) outage.failed({ code }, code);
    expect(shown(log)).toEqual(["warn uplink.lost", "warn site.revoked", "warn certificate.revoked"]);
  });

  it("begins anew with the next failure, and has no end without a beginning", () => {
    const { log, outage } = stand();
    outage.ended({}, () => "back");
    outage.failed({ code: "uplink.lost" }, "first");
    outage.ended({}, () => "back");
    outage.failed({ code: "uplink.lost" }, "second");
    expect(shown(log)).toEqual(["warn first", "info back", "warn second"]);
  });

  it("gives long outages in minutes and hours", () => {
    const { log, clock, outage } = stand();
    for (const length of [119_000, 120_000, 7_100_000, 7_200_000, 360_000_000]) {
      outage.failed({ code: "uplink.lost" }, "");
      clock.ms += length;
      outage.ended({}, (text) => text);
    }
    const lengths = log.lines.filter(({ level }) => level === "info").map(({ text }) => text);
    expect(lengths).toEqual(["119 s", "2 min", "118 min", "2 h", "100 h"]);
  });
});

describe("the states of an uplink", () => {
  it("are logged once while the edge is away, and once when it is back", () => {
    const log = new MemoryLog();
    let now = 0;
    const states = new UplinkStates(0, log, () => now);
    const { meaning: message, action } = ERRORS["uplink.lost"];
    const trouble = { code: "uplink.lost" as const, message, action };
    states.move({ state: "connecting", since: 0 });
    states.move({ state: "up", since: 0 });
    for (let attempt = 0; attempt < 50; attempt++) {
      states.move({ state: "waiting", since: 0, until: 1, trouble });
      states.move({ state: "connecting", since: 0, trouble });
    }
    now = 300_000;
    states.move({ state: "up", since: 0 });
    expect(shown(log)).toEqual([
      "info The uplink is connecting.",
      "info The uplink is up.",
      `warn The uplink is waiting: ${message}`,
      "info The uplink is up, after 5 min without the edge.",
    ]);
  });
});
