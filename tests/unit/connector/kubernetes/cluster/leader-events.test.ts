import { beforeEach, describe, expect, it } from "vitest";
import { KINDS } from "../../../../../connector/kubernetes/api/kinds.ts";
import type { ClusterEvent, Leadership } from "../../../../../connector/kubernetes/cluster/cluster.ts";
import { KEEP_MS, LeaderEvents } from "../../../../../connector/kubernetes/cluster/leader-events.ts";

const event = (note: string): ClusterEvent => ({
  about: { kind: KINDS.services, namespace: "shop", name: "web" },
  ...{ type: "Normal", reason: "Exposed", action: "Test", note },
});

describe("The Events of the leader", () => {
  let now = 0;
  let recorded: string[];
  let leadership: Leadership & { isLeader: boolean };
  let lead: (isLeader: boolean) => void;
  let events: LeaderEvents;

  beforeEach(() => {
    now = 0;
    recorded = [];
    const listeners: (() => void)[] = [];
    leadership = { isLeader: false, onChange: (listener) => listeners.push(listener) };
    lead = (isLeader) => {
      leadership.isLeader = isLeader;
      for (const listener of listeners) listener();
    };
    events = new LeaderEvents({ record: ({ note }) => recorded.push(note) }, leadership, () => now);
  });

  it("are recorded at once", () => {
    lead(true);
    events.record(event("first"));
    expect(recorded).toEqual(["first"]);
  });

  it("are recorded by a connector that leads soon after, once", () => {
    events.record(event("first"));
    lead(true);
    lead(false);
    lead(true);
    expect(recorded).toEqual(["first"]);
  });

  it("are left to the leader after a while", () => {
    events.record(event("first"));
    now = KEEP_MS + 1;
    events.record(event("second"));
    lead(true);
    expect(recorded).toEqual(["second"]);
  });
});
