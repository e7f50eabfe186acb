import { describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { LaneAddress } from "../../../../connector/uplink/lane-address.ts";

const GATEWAY = "https://edge.example:8444";
const LANES = "https://edge.example:8445";

/** A lane address whose probes the test answers. */
function setUp() {
  const state = { now: 0, probes: [] as string[], answer: (_: Error | null) => {} };
  const address = new LaneAddress({
    gateway: () => GATEWAY,
    probe: (origin) =>
      new Promise((resolve, reject) => {
        state.probes.push(origin);
        state.answer = (error) => (error === null ? resolve() : reject(error));
      }),
    isPathFailure: (error) => error instanceof RangeError,
    log: silent,
    now: () => state.now,
    random: () => 0.5,
  });
  const answer = async (error: Error | null) => {
    state.answer(error);
    await new Promise(setImmediate);
  };
  const dialled = async (fails: (origin: string) => Error | null = () => null) => {
    const origins: string[] = [];
    const dial = async (origin: string) => {
      origins.push(origin);
      const error = fails(origin);
      if (error !== null) throw error;
    };
    await address.dial(dial).catch(() => {});
    return origins;
  };
  return { state, address, answer, dialled };
}

describe("LaneAddress", () => {
  it("dials lanes at the gateway until the port for lanes has answered a probe", async () => {
    const { state, address, answer, dialled } = setUp();
    expect(await dialled()).toEqual([GATEWAY]);
    address.setPort(8445);
    expect(state.probes).toEqual([LANES]);
    expect(await dialled()).toEqual([GATEWAY]);
    await answer(null);
    expect(await dialled()).toEqual([LANES]);
  });

  it("dials a lane at the gateway at once when the port fails, and probes the port later", async () => {
    const { state, address, answer, dialled } = setUp();
    address.setPort(8445);
    await answer(null);
    expect(await dialled((origin) => (origin === LANES ? new RangeError("closed") : null))).toEqual([
      LANES,
      GATEWAY,
    ]);
    expect(await dialled()).toEqual([GATEWAY]);
    expect(state.probes).toHaveLength(1);
    state.now = 30_000;
    expect(await dialled()).toEqual([GATEWAY]);
    expect(state.probes).toHaveLength(2);
    await answer(null);
    expect(await dialled()).toEqual([LANES]);
  });

  it("dials a lane once when the edge itself refuses it", async () => {
    const { address, answer, dialled } = setUp();
    address.setPort(8445);
    await answer(null);
    expect(await dialled(() => new TypeError("ticket.expired"))).toEqual([LANES]);
    expect(await dialled()).toEqual([LANES]);
  });

  it("probes a port that does not answer ever less often", async () => {
    const { state, address, answer } = setUp();
    address.setPort(8445);
    await answer(new Error("closed"));
    address.setPort(8445);
    expect(state.probes).toHaveLength(1);
    state.now = 30_000;
    address.setPort(8445);
    expect(state.probes).toHaveLength(2);
    await answer(new Error("closed"));
    state.now = 60_000;
    address.setPort(8445);
    expect(state.probes).toHaveLength(2);
    state.now = 90_000;
    address.setPort(8445);
    expect(state.probes).toHaveLength(3);
  });

  it("dials lanes at the gateway again when the edge no longer has a port for them", async () => {
    const { state, address, answer, dialled } = setUp();
    address.setPort(8445);
    await answer(null);
    address.setPort(undefined);
    expect(await dialled()).toEqual([GATEWAY]);
    address.setPort(9000);
    expect(state.probes.at(-1)).toBe("https://edge.example:9000");
  });
});
