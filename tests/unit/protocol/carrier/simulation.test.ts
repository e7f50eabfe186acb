/** The pipe under everything that lanes do: each side reads exactly what the other wrote, and nothing is left. */
import { describe, expect, it } from "vitest";
import { encodeAck, MESSAGE } from "../../../../protocol/carrier/index.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { type Side, seeds, World, type WorldOptions, withSeed } from "./world.ts";

/** Chunks and messages are taken whole, so a bound may be passed by one write. */
const SLACK = 200_000;

function transfer(seed: number, options: Partial<WorldOptions> = {}): World {
  const world = new World(seed, options);
  world.start();
  const all = () => world.sides.every((side) => world.idle(side));
  const done = world.run(all);
  for (const side of world.sides) {
    const about = { state: side.state, ended: side.ended?.message, read: side.read, held: side.pipe.held };
    expect(side.wrong, "bytes are as they were written").toBe(0);
    expect({ done, ...about, ended: side.ended }).toEqual({ ...about, done: true, ended: undefined });
    expect(side.peakOut).toBeLessThanOrEqual(world.options.replayBytes + SLACK);
    expect(side.peakIn).toBeLessThanOrEqual(300_000);
  }
  return world;
}

/** Afterwards everything is acknowledged, both park, and then nothing happens any more. */
function settle(world: World): void {
  const acknowledged = (side: Side) => side.pipe.held.out === 0 && side.pipe.held.in === 0;
  expect(world.run(() => world.sides.every(acknowledged))).toBe(true);
  const parked = () => world.sides.every((side) => side.state === "parked");
  for (let tries = 0; tries < 50 && !parked(); tries++) {
    for (const side of world.sides) side.pipe.park();
    const until = world.clock.now + 10_000;
    world.clock.after(10_000, () => {});
    world.run(() => parked() || world.clock.now >= until);
  }
  expect(world.sides.map((side) => side.state)).toEqual(["parked", "parked"]);
  expect(world.sides.map((side) => side.pipe.lanes)).toEqual([0, 0]);
  for (const side of world.sides) side.wants = false;
  // Alarms that are set no more, lanes that were dialled and not met: it all runs out.
  expect(world.run(() => false)).toBe(false);
  expect(world.sides.map((side) => side.ended)).toEqual([undefined, undefined]);
}

describe("two pipes over lanes that fail", () => {
  it("deliver every byte once and in order, bounded in memory, and leave nothing behind", () => {
    let generations = 0;
    for (const seed of seeds(2000)) {
      withSeed(seed, () => {
        const world = transfer(seed);
        generations += world.sides[0].pipe.generation;
        settle(world);
      });
    }
    if (!process.env.FAIRLEAD_SEED) expect(generations).toBeGreaterThan(4000);
  });

  it("survive a cut after each byte", () => {
    for (let bytes = 0; bytes < 1500; bytes++) {
      withSeed(bytes, () => {
        const calm = { cut: 0, swallow: 0, stall: 0, unmet: 0, lazy: 0, delay: 5, bandwidth: 100 };
        transfer(bytes, { ...calm, bytes: [1200, 300], lanes: 1, cutAfterBytes: bytes });
      });
    }
  });

  it("need no second lane when the first one holds", () => {
    for (const seed of seeds(100)) {
      withSeed(seed, () => {
        const world = transfer(seed, { cut: 0, swallow: 0, stall: 0, unmet: 0, lazy: 0, bandwidth: 100 });
        expect(world.sides.map((side) => side.wanted)).toEqual([0, 0]);
      });
    }
  });

  it("end on both sides once everything arrived, when one side ends", () => {
    for (const seed of seeds(300)) {
      withSeed(seed, () => {
        const world = transfer(seed);
        const [left, right] = world.sides;
        (world.random(2) === 0 ? left : right).pipe.end();
        const ended = () => world.sides.some((side) => side.ended !== undefined);
        expect(world.run(ended)).toBe(true);
        expect(world.sides.map((side) => side.ended).filter((error) => error !== undefined)).not.toContain(
          expect.any(FairleadError),
        );
      });
    }
  });

  it("wake from parking with the first byte, whichever side writes it", () => {
    for (const seed of seeds(300)) {
      withSeed(seed, () => {
        const world = transfer(seed, { bytes: [5000, 5000], cut: 0, swallow: 0, unmet: 0 });
        expect(world.run(() => world.sides.every((side) => side.pipe.held.out === 0))).toBe(true);
        for (const side of world.sides) side.pipe.park();
        const writer = world.sides[world.random(2) === 0 ? 0 : 1];
        world.clock.after(world.random(2000), () => {
          world.options.bytes = [side0(writer, 9000), side1(writer, 9000)];
          writer.writable = true;
          world.write(writer);
        });
        world.clock.after(3000, () => {});
        world.run(() => world.clock.now > 3000 && writer.written === 9000);
        expect(world.run(() => world.sides.every((side) => world.idle(side)))).toBe(true);
        expect(world.sides.map((side) => side.wrong)).toEqual([0, 0]);
      });
    }
  });
});

describe("a relay that acknowledges in the peer's name", () => {
  it("is found out on the next lane, and the session ends with session.malformed", () => {
    let found = 0;
    for (const seed of seeds(200)) {
      withSeed(seed, () => {
        const calm = { cut: 0, swallow: 0, stall: 0, unmet: 0, lazy: 0, delay: 30, bandwidth: 20, lanes: 1 };
        const world = new World(seed, { ...calm, bytes: [200_000, 0] });
        let forged = false;
        world.alter = (message, from) => {
          const [left] = world.sides;
          if (forged || from !== 1 || message[0] !== MESSAGE.ack || left.read > 0) return [message];
          forged = true;
          world.clock.after(100, () => world.cutAll());
          const number = (message[1] ?? 0) * 65_536 + (message[2] ?? 0) * 256 + (message[3] ?? 0);
          return [encodeAck(number, left.pipe.sent)];
        };
        world.idle = () => false;
        world.start();
        const ended = () => world.sides[0].ended !== undefined;
        world.run(() => ended() || world.clock.now > 200_000, 300_000);
        // Nothing was under way: it acknowledged nothing but what arrived.
        if (!forged || world.sides[1].read === 200_000) return;
        found++;
        expect(world.sides[0].ended?.code).toBe("session.malformed");
        expect(world.clock.now).toBeLessThan(60_000);
      });
    }
    if (!process.env.FAIRLEAD_SEED) expect(found).toBeGreaterThan(20);
  });
});

const side0 = (writer: Side, bytes: number): number => (writer.index === 0 ? bytes : 5000);
const side1 = (writer: Side, bytes: number): number => (writer.index === 1 ? bytes : 5000);
