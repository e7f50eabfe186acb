import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Flow, type FlowEvents, flowIds } from "../../../../connector/relay/flow.ts";
import { FairleadError } from "../../../../protocol/errors.ts";

const START = { side: "listener", service: "api", network: "network-1", site: "site-1" } as const;
const peer = (name: string) => ({ site: `site-${name}`, siteName: name, boot: `boot-${name}` });

function makeFlow(start: Partial<ConstructorParameters<typeof Flow>[0]> = {}) {
  const ended = vi.fn<FlowEvents["ended"]>();
  const log = vi.fn<FlowEvents["log"]>();
  return { flow: new Flow({ ...START, ...start }, { ended, log }), ended, log };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "performance"], now: 1_700_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("Flow", () => {
  it("knows no peer, stream, client or outcome at its start", () => {
    const { flow } = makeFlow();
    expect(flow.startedAt).toBe(1_700_000_000_000);
    expect(flow).toMatchObject({
      ...START,
      client: null,
      peer: null,
      session: null,
      stream: null,
      target: null,
    });
    expect(flow).toMatchObject({ openedMs: null, firstByteMs: null, endedMs: null, outcome: null });
  });

  it("starts with the peer and the stream on the target side", () => {
    const { flow } = makeFlow({
      side: "target",
      peer: peer("west"),
      stream: { session: "session-1", id: 3 },
    });
    expect(flow).toMatchObject({ peer: peer("west"), session: "session-1", stream: 3 });
  });

  it("forgets the stream of an earlier try when another instance is tried", () => {
    const { flow } = makeFlow();
    flow.setPeer(peer("east"));
    flow.setStream({ session: "session-1", id: 3 });
    flow.setPeer(peer("north"));
    expect(flow).toMatchObject({ peer: peer("north"), session: null, stream: null });
  });

  it("counts the bytes of each direction", () => {
    const { flow } = makeFlow();
    flow.toTarget.add(10);
    flow.toTarget.add(5);
    flow.toClient.add(7);
    expect(flow).toMatchObject({ bytesToTarget: 15, bytesToClient: 7 });
  });

  it("measures its times from its start, by a clock that does not follow the wall clock", () => {
    const { flow } = makeFlow();
    vi.advanceTimersByTime(20);
    flow.open();
    vi.setSystemTime(0);
    vi.advanceTimersByTime(5);
    flow.toTarget.add(1);
    vi.advanceTimersByTime(5);
    flow.toClient.add(0);
    flow.toClient.add(1);
    vi.advanceTimersByTime(10);
    flow.toClient.add(1);
    flow.end();
    expect(flow).toMatchObject({ openedMs: 20, firstByteMs: 30, endedMs: 40 });
    expect(flow.startedAt).toBe(1_700_000_000_000);
  });

  it("is completed when it ends without a failure", () => {
    const { flow, ended } = makeFlow();
    flow.end();
    expect(flow.outcome).toBe("completed");
    expect(ended.mock.calls).toEqual([[flow, null]]);
  });

  it("has the first failure as its outcome, and no outcome before its end", () => {
    const { flow, ended } = makeFlow();
    const lost = new FairleadError("session.lost");
    flow.fail(lost);
    flow.fail(new FairleadError("stream.cancelled"));
    expect(flow.outcome).toBeNull();
    flow.end(new FairleadError("stream.internal"));
    expect(flow.outcome).toBe("session.lost");
    expect(ended.mock.calls).toEqual([[flow, lost]]);
  });

  it("ends once", () => {
    const { flow, ended } = makeFlow();
    flow.end(new FairleadError("service.refused"));
    vi.advanceTimersByTime(5);
    flow.end();
    flow.fail(new FairleadError("session.lost"));
    expect(flow).toMatchObject({ outcome: "service.refused", endedMs: 0 });
    expect(ended).toHaveBeenCalledTimes(1);
  });

  it("puts its ids into each log line", () => {
    const { flow, log } = makeFlow({ client: "127.0.0.1:5000" });
    flow.log("debug", { code: "lane.failed" }, "One.");
    flow.setPeer(peer("east"));
    flow.setStream({ session: "session-1", id: 3 });
    flow.log("info", {}, "Two.");
    const known = { service: "api", side: "listener", client: "127.0.0.1:5000" };
    expect(log.mock.calls).toEqual([
      ["debug", { ...known, code: "lane.failed" }, "One."],
      ["info", { ...known, session: "session-1", stream: 3, peer: "east", peerSite: "site-east" }, "Two."],
    ]);
  });

  it("names the target on the target side", () => {
    const { flow } = makeFlow({ side: "target" });
    flow.setTarget("10.0.0.1:5432");
    expect(flowIds(flow)).toEqual({ service: "api", side: "target", target: "10.0.0.1:5432" });
  });
});
