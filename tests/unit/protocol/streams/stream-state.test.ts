import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MAY_RECEIVE,
  MAY_SEND,
  nextState,
  type StreamMove,
  type StreamState,
} from "../../../../protocol/streams/stream-state.ts";

const states = Object.keys(MAY_SEND) as StreamState[];
const moves: StreamMove[] = ["accept", "accepted", "finish", "peer_finished", "reset"];

describe("the states of a stream", () => {
  it("can all be ended by a reset, except the end itself", () => {
    for (const state of states) expect(nextState(state, "reset")).toBe(state === "closed" ? null : "closed");
  });

  it("allow FIN exactly where they allow data", () => {
    for (const state of states) {
      expect(nextState(state, "finish") !== null).toBe(MAY_SEND[state]);
      expect(nextState(state, "peer_finished") !== null).toBe(MAY_RECEIVE[state]);
    }
  });

  it("lead to the end after one FIN each way and an answer, in any legal order, and never earlier", () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.constantFrom(...moves.slice(0, 4)), { maxLength: 20 }),
        (ours, row) => {
          let state: StreamState = ours ? "opening" : "offered";
          const done = new Set<StreamMove>();
          for (const move of row) {
            const next = nextState(state, move);
            if (next === null) continue;
            expect(done.has(move)).toBe(false);
            done.add(move);
            state = next;
            const answered = done.has("accept") || done.has("accepted");
            const finished = done.has("finish") && done.has("peer_finished");
            expect(state === "closed").toBe(answered && finished);
          }
        },
      ),
    );
  });

  it("let only the opener send before the answer", () => {
    expect(MAY_SEND.opening).toBe(true);
    expect(MAY_SEND.offered).toBe(false);
    expect(MAY_RECEIVE.opening).toBe(false);
    expect(MAY_RECEIVE.offered).toBe(true);
  });
});
