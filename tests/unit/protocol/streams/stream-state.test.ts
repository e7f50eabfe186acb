import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MAY_RECEIVE,
  MAY_SEND,
  nextState,
  type StreamEvent,
  type StreamState,
} from "../../../../protocol/streams/stream-state.ts";

const states = Object.keys(MAY_SEND) as StreamState[];
const events: StreamEvent[] = ["accept", "accepted", "finish", "peer_finished", "reset"];

describe("StreamState", () => {
  it("goes to closed with a reset from every other state", () => {
    for (const state of states) expect(nextState(state, "reset")).toBe(state === "closed" ? null : "closed");
  });

  it("allows FIN in exactly those states that allow data", () => {
    for (const state of states) {
      expect(nextState(state, "finish") !== null).toBe(MAY_SEND[state]);
      expect(nextState(state, "peer_finished") !== null).toBe(MAY_RECEIVE[state]);
    }
  });

  it("reaches closed after ACCEPT and a FIN in each direction, in any allowed order, and not earlier", () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.constantFrom(...events.slice(0, 4)), { maxLength: 20 }),
        (ours, sequence) => {
          let state: StreamState = ours ? "opening" : "offered";
          const done = new Set<StreamEvent>();
          for (const event of sequence) {
            const next = nextState(state, event);
            if (next === null) continue;
            expect(done.has(event)).toBe(false);
            done.add(event);
            state = next;
            const answered = done.has("accept") || done.has("accepted");
            const finished = done.has("finish") && done.has("peer_finished");
            expect(state === "closed").toBe(answered && finished);
          }
        },
      ),
    );
  });

  it("lets only the opener send before ACCEPT", () => {
    expect(MAY_SEND.opening).toBe(true);
    expect(MAY_SEND.offered).toBe(false);
    expect(MAY_RECEIVE.opening).toBe(false);
    expect(MAY_RECEIVE.offered).toBe(true);
  });
});
