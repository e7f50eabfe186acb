/** A carrier that receives recorded traffic with altered bytes. */
import { describe, expect, it } from "vitest";
import { Carrier } from "../../../../protocol/carrier/carrier.ts";
import type { FairleadError } from "../../../../protocol/errors.ts";
import { random } from "../streams/multiplexer-pair.ts";
import { NO_EFFECTS, Simulation, seeds, withSeed } from "./simulation.ts";

/** The messages that one side of a transfer without faults received, in order. */
function recording(seed: number): { lane: number; message: Uint8Array }[] {
  const simulation = new Simulation(seed, {
    ...{ bytes: [60_000, 60_000], lanes: 2, cut: 0, lose: 0, stall: 0, unmet: 0, backpressure: 0 },
    ...{ delay: 30, bandwidth: 100 },
  });
  simulation.recorded = [];
  simulation.start();
  simulation.run(() =>
    simulation.sides.every((side) => side.carrier.held.out === 0 && simulation.idle(side)),
  );
  simulation.sides[0].carrier.park();
  simulation.run(() => simulation.sides[0].state === "parked");
  return simulation.recorded.filter(({ from }) => from === 1);
}

function mutate(message: Uint8Array, next: (below: number) => number): Uint8Array[] {
  const copy = Buffer.from(message);
  // Mostly in the header: the carrier does not interpret what follows.
  const at = next(4) === 0 ? next(copy.length) : next(Math.min(16, copy.length));
  switch (next(7)) {
    case 0:
      copy[at] = next(256);
      return [copy];
    case 1:
      copy[at] = (copy[at] ?? 0) ^ (1 << next(8));
      return [copy];
    case 2:
      return [copy.subarray(0, at)];
    case 3:
      return [Buffer.concat([copy, Buffer.alloc(next(70_000), next(256))])];
    case 4:
      return [copy, copy];
    case 5:
      return [];
    default:
      return [Buffer.concat([copy.subarray(0, at), Buffer.from([next(256)]), copy.subarray(at)])];
  }
}

describe("a carrier that receives altered traffic", () => {
  const recordings = [1, 2, 3].map(recording);

  it("ends with a code of its own or continues, and buffers no more than its window", () => {
    const codes = new Map<string, number>();
    for (const seed of seeds(3000)) {
      withSeed(seed, () => {
        const next = random(seed);
        let ended: FairleadError | null | undefined;
        let sent = 0;
        let now = 0;
        const carrier = new Carrier(
          {
            ...NO_EFFECTS,
            now: () => now,
            send: (_, pieces) => {
              for (const piece of pieces) sent += piece.length;
              return next(20) > 0;
            },
            ended: (error) => {
              ended = error;
            },
          },
          { windowBytes: 300_000, replayBytes: 300_000 },
        );
        for (const lane of [1, 2]) carrier.laneJoined(lane, 1, { received: 0 });
        carrier.write([Buffer.alloc(60_000)]);
        const messages = recordings[seed % recordings.length] ?? [];
        const rate = 1 + next(messages.length * 2);
        let bytesReceived = 0;
        for (const { lane, message } of messages) {
          for (const received of next(rate) === 0 ? mutate(message, next) : [message]) {
            bytesReceived += received.length;
            carrier.receive(lane, received);
            now += next(30);
            if (next(5) === 0) carrier.tick();
            if (next(50) === 0) carrier.laneDrained(lane);
          }
          expect(carrier.held.in).toBeLessThanOrEqual(300_000);
          if (ended !== undefined) break;
        }
        // Beside its own bytes, the carrier sends no more than it receives, twice over.
        expect(sent).toBeLessThan(10 * 60_000 + 2 * bytesReceived);
        const code = ended === undefined ? "continues" : (ended?.code ?? "ended on purpose");
        codes.set(code, (codes.get(code) ?? 0) + 1);
      });
    }
    expect([...codes.keys()].filter((code) => !ALLOWED.has(code))).toEqual([]);
    if (!process.env.FAIRLEAD_SEED) expect(codes.get("session.malformed")).toBeGreaterThan(100);
  });
});

/** An altered code of an END may be another valid code: the carrier lies below TLS and takes it as it is. */
const ALLOWED = new Set([
  "continues",
  "ended on purpose",
  "session.malformed",
  "session.too_large",
  "session.lost",
]);
