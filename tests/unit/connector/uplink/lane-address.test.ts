import { describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { LaneAddress } from "../../../../connector/uplink/lane-address.ts";

const GATEWAY = "https://edge.example:8444";
const LANES = "https://edge.example:8445";

/** An address whose probes are answered by hand. */
function addressOf() {
  const state = { now: 0, probes: [] as string[], answer: (_: Error | null) => {} };
  const address = new LaneAddress({
    gateway: () => GATEWAY,
    probe: (url) =>
      new Promise((resolve, reject) => {
        state.probes.push(url);
        state.answer = (error) => (error === null ? resolve() : reject(error));
      }),
    mayPass: (error) => error instanceof RangeError,
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

describe("lanes", () => {
  it("are dialled at the gateway until their own port has answered", async () => {
    const { state, address, answer, dialled } = addressOf();
    expect(await dialled()).toEqual([GATEWAY]);
    address.told(8445);
    expect(state.probes).toEqual([LANES]);
    expect(await dialled()).toEqual([GATEWAY]);
    await answer(null);
    expect(await dialled()).toEqual([LANES]);
  });

  it("are dialled at the gateway at once when their own port fails, and the port is probed later", async () => {
    const { state, address, answer, dialled } = addressOf();
    address.told(8445);
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

  it("are not dialled twice when the edge itself refuses one", async () => {
    const { address, answer, dialled } = addressOf();
    address.told(8445);
    await answer(null);
    expect(await dialled(() => new TypeError("ticket.expired"))).toEqual([LANES]);
    expect(await dialled()).toEqual([LANES]);
  });

  it("are probed less and less often at a port that does not answer", async () => {
    const { state, address, answer } = addressOf();
    address.told(8445);
    await answer(new Error("closed"));
    address.told(8445);
    expect(state.probes).toHaveLength(1);
    state.now = 30_000;
    address.told(8445);
    expect(state.probes).toHaveLength(2);
    await answer(new Error("closed"));
    state.now = 60_000;
    address.told(8445);
    expect(state.probes).toHaveLength(2);
    state.now = 90_000;
    address.told(8445);
    expect(state.probes).toHaveLength(3);
  });

  it("go to the gateway again when the edge has no port for them any more", async () => {
    const { state, address, answer, dialled } = addressOf();
    address.told(8445);
    await answer(null);
    address.told(undefined);
    expect(await dialled()).toEqual([GATEWAY]);
    address.told(9000);
    expect(state.probes.at(-1)).toBe("https://edge.example:9000");
  });
});
