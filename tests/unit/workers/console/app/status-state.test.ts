import { describe, expect, it } from "vitest";
import { LiveStatus } from "../../../../../protocol/api/live.ts";
import {
  applyStatus,
  MAX_LIVE_EVENTS,
  NO_STATUS,
  patched,
  type StatusState,
} from "../../../../../workers/console/app/live/status-state.ts";
import { StandInNetwork } from "../../../../support/console-stand-in/network.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const at = new Date(NOW).toISOString();

type Change = Exclude<LiveStatus, { type: "error" }>;

function change(message: object): Change {
  const parsed = LiveStatus.parse(message);
  if (parsed.type === "error") throw new Error("The message is an error.");
  return parsed;
}

function begun(): { network: StandInNetwork; state: StatusState } {
  const network = new StandInNetwork({ sites: 12, broken: true, now: NOW });
  const { events, silent } = network;
  const state = applyStatus(
    NO_STATUS,
    change({ type: "snapshot", seq: 1, at, status: network.status(), events, silent }),
  );
  if (state === null) throw new Error("The snapshot was refused.");
  return { network, state };
}

describe("the state of the live channel", () => {
  it("begins with the snapshot", () => {
    const { state } = begun();
    expect(state.status?.sites).toHaveLength(12);
    expect(state.events.length).toBeGreaterThan(5);
    expect(state.silent).toHaveLength(1);
  });

  it("replaces what a delta names, and keeps the identity of everything else", () => {
    const { network, state } = begun();
    const delta = network.setSite("berlin", false, NOW);
    const next = applyStatus(state, change({ type: "delta", seq: 2, at, ...delta }));
    const byName = (which: StatusState | null, name: string) =>
      which?.status?.sites.find((site) => site.name === name);
    expect(byName(next, "berlin")?.state).toBe("down");
    expect(byName(next, "lyon")).toBe(byName(state, "lyon"));
    expect(next?.events.at(-1)?.type).toBe("site.down");
    expect(next?.status?.sites.map(({ name }) => name)).toEqual(state.status?.sites.map(({ name }) => name));
  });

  it("follows thousands of deltas to the same status as the network's own", () => {
    const { network, state: first } = begun();
    let state: StatusState | null = first;
    for (let seq = 2; seq < 2000; seq += 1) {
      if (state === null) throw new Error("A delta was refused.");
      state = applyStatus(state, change({ type: "delta", seq, at, ...network.change(NOW + seq) }));
    }
    expect(state?.status).toEqual(network.status());
  });

  it("refuses a delta after a gap, and one before the snapshot", () => {
    const { state } = begun();
    expect(applyStatus(state, change({ type: "delta", seq: 3, at }))).toBeNull();
    expect(applyStatus(NO_STATUS, change({ type: "delta", seq: 1, at }))).toBeNull();
  });

  it("keeps the newest events, each once", () => {
    const { state } = begun();
    const event = (id: number, count?: number) => ({
      ...{ id, at, type: "site.up", text: "Site berlin is up.", actor: "edge" },
      ...(count === undefined ? {} : { count }),
    });
    const many = Array.from({ length: MAX_LIVE_EVENTS + 50 }, (_, index) => event(1000 + index));
    const full = applyStatus(state, change({ type: "delta", seq: 2, at, events: many }));
    expect(full?.events).toHaveLength(MAX_LIVE_EVENTS);
    const last = 1000 + MAX_LIVE_EVENTS + 49;
    const again = full && applyStatus(full, change({ type: "delta", seq: 3, at, events: [event(last, 4)] }));
    expect(again?.events).toHaveLength(MAX_LIVE_EVENTS);
    expect(again?.events.at(-1)).toMatchObject({ id: last, count: 4 });
  });
});

describe("a patched list", () => {
  const list = ["a", "c", "e"].map((name) => ({ id: `id-${name}`, name }));
  const idOf = ({ id }: { id: string }) => id;

  it("puts new entries in by name, and takes away those that are gone", () => {
    const next = patched(list, { put: [{ id: "id-d", name: "d" }], gone: ["id-a"] }, idOf);
    expect(next.map(({ name }) => name)).toEqual(["c", "d", "e"]);
  });

  it("is the same list without a patch, and with an empty one", () => {
    expect(patched(list, undefined, idOf)).toBe(list);
    expect(patched(list, { put: [], gone: [] }, idOf)).toBe(list);
  });
});
