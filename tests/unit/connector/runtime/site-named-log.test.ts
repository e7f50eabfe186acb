import { describe, expect, it } from "vitest";
import { SiteNamedLog } from "../../../../connector/runtime/site-named-log.ts";
import { SiteNames } from "../../../../connector/targets/site-names.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

function stand() {
  const target = new MemoryLog();
  const names = new SiteNames();
  return { target, names, log: new SiteNamedLog(target, names) };
}

describe("a log that names sites", () => {
  it("gives the newest name of the peer in a line", () => {
    const { target, names, log } = stand();
    log.info({ peer: "east", peerSite: "s1", bytes: 3 }, "one");
    names.note([{ site: "s1", siteName: "orient" }]);
    log.warn({ peer: "east", peerSite: "s1", bytes: 3 }, "two");
    log.warn({ peer: "west", peerSite: "s2" }, "three");
    expect(target.lines.map(({ fields }) => fields)).toEqual([
      { peer: "east", peerSite: "s1", bytes: 3 },
      { peer: "orient", peerSite: "s1", bytes: 3 },
      { peer: "west", peerSite: "s2" },
    ]);
  });

  it("gives the newest name of the peer of a child in every later line, and of its children", () => {
    const { target, names, log } = stand();
    const child = log.child({ network: "n" }).child({ session: "x", peer: "east", peerSite: "s1" });
    child.debug({}, "one");
    names.note([{ site: "s1", siteName: "orient" }]);
    child.debug({}, "two");
    child.child({ lane: 1 }).error({}, "three");
    const common = { network: "n", session: "x", peerSite: "s1" };
    expect(target.lines.map(({ fields }) => fields)).toEqual([
      { ...common, peer: "east" },
      { ...common, peer: "orient" },
      { ...common, lane: 1, peer: "orient" },
    ]);
  });

  it("leaves lines without a peer as they are", () => {
    const { target, log } = stand();
    log.error({ peer: 7 }, "one");
    expect(target.lines).toEqual([{ level: "error", text: "one", fields: { peer: 7 } }]);
  });
});
