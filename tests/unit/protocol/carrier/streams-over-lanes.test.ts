/**
 * Streams over carriers over faulty lanes: every stream receives exactly its bytes, and no credit is lost.
 */
import { describe, expect, it } from "vitest";
import { End, type User } from "../streams/multiplexer-pair.ts";
import { type Side, Simulation, seeds, withSeed } from "./simulation.ts";

const WINDOW = 16 * 1024;

/** Puts a multiplexer on each carrier of a simulation. */
function streamsOver(simulation: Simulation): [End, End] {
  const ends: [End, End] = [new End("even", { window: WINDOW }), new End("odd", { window: WINDOW })];
  const of = (side: Side): End => ends[side.index];
  simulation.deliver = (side, bytes) => {
    of(side).multiplexer.receive(Buffer.from(bytes));
    return true;
  };
  simulation.drained = (side) => {
    side.writable = true;
    of(side).limit = Number.POSITIVE_INFINITY;
    of(side).multiplexer.drained();
  };
  simulation.idle = (side) => of(side).multiplexer.streams === 0;
  simulation.write = () => {};
  simulation.afterStep = () => {
    for (const side of simulation.sides) {
      const end = of(side);
      end.turn();
      if (end.outBytes === 0 || side.ended !== undefined) continue;
      side.writable = side.carrier.write([end.take()]);
      end.limit = side.writable ? Number.POSITIVE_INFINITY : 0;
      if (side.writable) end.multiplexer.drained();
    }
  };
  return ends;
}

describe("streams over faulty lanes", () => {
  it("carry exactly what was written, and a window more afterwards", () => {
    for (const seed of seeds(300)) {
      withSeed(seed, () => {
        const simulation = new Simulation(seed, { backpressure: 0 });
        const ends = streamsOver(simulation);
        const goals = new Map<User, number>();
        for (const end of ends) {
          end.onOpened = (stream, user) => {
            stream.accept();
            goals.set(user, simulation.random(30_000));
          };
        }
        simulation.dial(1);
        // Two rounds on the same streams: the second needs the credit that the first returned.
        const opened = Array.from({ length: 1 + simulation.random(6) }, () => {
          const user = ends[simulation.random(2) === 0 ? 0 : 1].open();
          goals.set(user, simulation.random(30_000));
          return user;
        });
        let over = false;
        let done = false;
        const users = () => [...ends[0].users, ...ends[1].users];
        const move = (user: User): void => {
          const goal = goals.get(user) ?? 0;
          while (user.writable && user.sent < goal && user.error === null) {
            user.send(Math.min(goal - user.sent, 1 + simulation.random(20_000)));
          }
          if (user.received > user.consumed)
            user.consume(1 + simulation.random(user.received - user.consumed));
        };
        const peerOf = (user: User): User | undefined =>
          (ends[0].users.includes(user) ? ends[1] : ends[0]).users.find(
            (one) => one.stream?.id === user.stream?.id,
          );
        const reached = () =>
          opened.every((user) => {
            const peer = peerOf(user);
            if (peer === undefined) return false;
            const [ours, theirs] = [goals.get(user) ?? 0, goals.get(peer) ?? 0];
            return peer.consumed === ours && user.consumed === theirs;
          });
        const moveAll = (): void => {
          if (over) return;
          for (const user of users()) move(user);
          done = reached();
          simulation.clock.after(1 + simulation.random(40), moveAll);
        };
        moveAll();
        for (let round = 0; round < 2; round++) {
          expect(
            simulation.run(() => done),
            `round ${round}`,
          ).toBe(true);
          done = false;
          over = round === 1;
          for (const user of over ? [] : users()) goals.set(user, (goals.get(user) ?? 0) + 2 * WINDOW);
        }
        for (const user of users()) {
          expect(user.wrong).toBe(0);
          expect(user.error).toBeNull();
        }
        expect(ends.map((end) => end.over)).toEqual([null, null]);
        for (const user of users()) user.stream?.finish();
        simulation.run(() => ends.every((end) => end.multiplexer.streams === 0));
        expect(ends.map((end) => end.multiplexer.streams)).toEqual([0, 0]);
        expect(
          simulation.run(() =>
            simulation.sides.every(({ carrier }) => carrier.held.out + carrier.held.in === 0),
          ),
        ).toBe(true);
      });
    }
  });
});
