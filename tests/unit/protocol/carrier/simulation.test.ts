/** Two carriers over faulty lanes: each side reads exactly what the other wrote, and nothing is left over. */
import { describe, expect, it } from "vitest";
import { encodeAck, MESSAGE } from "../../../../protocol/carrier/index.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { type Side, Simulation, type SimulationOptions, seeds, withSeed } from "./simulation.ts";

/** A write is accepted whole, so one write may exceed a bound. */
const SLACK = 200_000;

function transfer(seed: number, options: Partial<SimulationOptions> = {}): Simulation {
  const simulation = new Simulation(seed, options);
  simulation.start();
  const all = () => simulation.sides.every((side) => simulation.idle(side));
  const done = simulation.run(all);
  for (const side of simulation.sides) {
    const about = { state: side.state, ended: side.ended?.message, read: side.read, held: side.carrier.held };
    expect(side.wrong, "the bytes read are the bytes written").toBe(0);
    expect({ done, ...about, ended: side.ended }).toEqual({ ...about, done: true, ended: undefined });
    expect(side.peakOut).toBeLessThanOrEqual(simulation.options.replayBytes + SLACK);
    expect(side.peakIn).toBeLessThanOrEqual(300_000);
  }
  return simulation;
}

/** Checks that everything is acknowledged, that both carriers park, and that no event is left then. */
function settle(simulation: Simulation): void {
  const acknowledged = (side: Side) => side.carrier.held.out === 0 && side.carrier.held.in === 0;
  expect(simulation.run(() => simulation.sides.every(acknowledged))).toBe(true);
  const parked = () => simulation.sides.every((side) => side.state === "parked");
  for (let tries = 0; tries < 50 && !parked(); tries++) {
    for (const side of simulation.sides) side.carrier.park();
    const until = simulation.clock.now + 10_000;
    simulation.clock.after(10_000, () => {});
    simulation.run(() => parked() || simulation.clock.now >= until);
  }
  expect(simulation.sides.map((side) => side.state)).toEqual(["parked", "parked"]);
  expect(simulation.sides.map((side) => side.carrier.lanes)).toEqual([0, 0]);
  for (const side of simulation.sides) side.needsLanes = false;
  // Cancelled alarms and lanes that were never met: every event runs out.
  expect(simulation.run(() => false)).toBe(false);
  expect(simulation.sides.map((side) => side.ended)).toEqual([undefined, undefined]);
}

describe("two carriers over faulty lanes", () => {
  it("deliver every byte once and in order, within their memory bounds, and park afterwards", () => {
    let generations = 0;
    for (const seed of seeds(2000)) {
      withSeed(seed, () => {
        const simulation = transfer(seed);
        generations += simulation.sides[0].carrier.generation;
        settle(simulation);
      });
    }
    if (!process.env.FAIRLEAD_SEED) expect(generations).toBeGreaterThan(4000);
  });

  it("deliver every byte with a cut after any byte", () => {
    for (let bytes = 0; bytes < 1500; bytes++) {
      withSeed(bytes, () => {
        const calm = { cut: 0, lose: 0, stall: 0, unmet: 0, backpressure: 0, delay: 5, bandwidth: 100 };
        transfer(bytes, { ...calm, bytes: [1200, 300], lanes: 1, cutAfterBytes: bytes });
      });
    }
  });

  it("request no lane while the first one lasts", () => {
    for (const seed of seeds(100)) {
      withSeed(seed, () => {
        const simulation = transfer(seed, {
          cut: 0,
          lose: 0,
          stall: 0,
          unmet: 0,
          backpressure: 0,
          bandwidth: 100,
        });
        expect(simulation.sides.map((side) => side.requests)).toEqual([0, 0]);
      });
    }
  });

  it("end without an error, once everything has arrived, when one side ends", () => {
    for (const seed of seeds(300)) {
      withSeed(seed, () => {
        const simulation = transfer(seed);
        const [left, right] = simulation.sides;
        (simulation.random(2) === 0 ? left : right).carrier.end();
        const ended = () => simulation.sides.some((side) => side.ended !== undefined);
        expect(simulation.run(ended)).toBe(true);
        expect(
          simulation.sides.map((side) => side.ended).filter((error) => error !== undefined),
        ).not.toContain(expect.any(FairleadError));
      });
    }
  });

  it("leave parking with the first byte, on whichever side it is written", () => {
    for (const seed of seeds(300)) {
      withSeed(seed, () => {
        const simulation = transfer(seed, { bytes: [5000, 5000], cut: 0, lose: 0, unmet: 0 });
        expect(simulation.run(() => simulation.sides.every((side) => side.carrier.held.out === 0))).toBe(
          true,
        );
        for (const side of simulation.sides) side.carrier.park();
        const writer = simulation.sides[simulation.random(2) === 0 ? 0 : 1];
        simulation.clock.after(simulation.random(2000), () => {
          simulation.options.bytes = [side0(writer, 9000), side1(writer, 9000)];
          writer.writable = true;
          simulation.write(writer);
        });
        simulation.clock.after(3000, () => {});
        simulation.run(() => simulation.clock.now > 3000 && writer.written === 9000);
        expect(simulation.run(() => simulation.sides.every((side) => simulation.idle(side)))).toBe(true);
        expect(simulation.sides.map((side) => side.wrong)).toEqual([0, 0]);
      });
    }
  });
});

describe("a relay that forges an acknowledgement", () => {
  it("ends the session with session.malformed on the next lane", () => {
    let found = 0;
    for (const seed of seeds(200)) {
      withSeed(seed, () => {
        const calm = {
          cut: 0,
          lose: 0,
          stall: 0,
          unmet: 0,
          backpressure: 0,
          delay: 30,
          bandwidth: 20,
          lanes: 1,
        };
        const simulation = new Simulation(seed, { ...calm, bytes: [200_000, 0] });
        let forged = false;
        simulation.alter = (message, from) => {
          const [left] = simulation.sides;
          if (forged || from !== 1 || message[0] !== MESSAGE.ack || left.read > 0) return [message];
          forged = true;
          simulation.clock.after(100, () => simulation.cutAll());
          const number = (message[1] ?? 0) * 65_536 + (message[2] ?? 0) * 256 + (message[3] ?? 0);
          return [encodeAck(number, left.carrier.sent)];
        };
        simulation.idle = () => false;
        simulation.start();
        const ended = () => simulation.sides[0].ended !== undefined;
        simulation.run(() => ended() || simulation.clock.now > 200_000, 300_000);
        // No bytes were in flight, so the forged ACK was true.
        if (!forged || simulation.sides[1].read === 200_000) return;
        found++;
        expect(simulation.sides[0].ended?.code).toBe("session.malformed");
        expect(simulation.clock.now).toBeLessThan(60_000);
      });
    }
    if (!process.env.FAIRLEAD_SEED) expect(found).toBeGreaterThan(20);
  });
});

const side0 = (writer: Side, bytes: number): number => (writer.index === 0 ? bytes : 5000);
const side1 = (writer: Side, bytes: number): number => (writer.index === 1 ? bytes : 5000);
