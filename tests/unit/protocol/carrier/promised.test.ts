/**
 * What went out on a lane before a PING must have arrived by the time of its PONG, as a lane keeps its order. Less
 * means that somebody on the way took bytes out of messages, and that nobody would ever send them again.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Carrier, type CarrierEffects } from "../../../../protocol/carrier/index.ts";
import { LaneState } from "../../../../protocol/carrier/lane-state.ts";
import {
  encodeAck,
  encodePong,
  MESSAGE,
  nextNumber,
  readMessage,
} from "../../../../protocol/carrier/messages.ts";
import type { FairleadError } from "../../../../protocol/errors.ts";
import { NO_EFFECTS } from "./world.ts";

describe("what a lane promises", () => {
  const lane = (...under: readonly (readonly [number, number])[]) => {
    const made = new LaneState(1, 1, 0, 1);
    for (const [from, to] of under) made.sent({ from, to });
    return made;
  };

  it("is what was acknowledged and what went out on it without a gap behind that", () => {
    expect(lane().promised(0)).toBe(0);
    expect(lane().promised(700)).toBe(700);
    expect(lane([0, 100]).promised(0)).toBe(100);
    expect(lane([0, 100], [100, 250]).promised(0)).toBe(250);
    // Bytes between went out on another lane: nobody knows when they arrive.
    expect(lane([0, 100], [200, 300]).promised(0)).toBe(100);
    expect(lane([200, 300]).promised(0)).toBe(0);
    // They were acknowledged.
    expect(lane([0, 100], [200, 300]).promised(200)).toBe(300);
    // What another lane lost comes behind what is newer.
    expect(lane([200, 300], [0, 200]).promised(0)).toBe(300);
    expect(lane([0, 300], [100, 200]).promised(0)).toBe(300);
    expect(lane([0, 300], [250, 400]).promised(0)).toBe(400);
    expect(lane([0, 300]).promised(400)).toBe(400);
  });

  it("is the same as if it had been counted byte by byte", () => {
    const range = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 25 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 12 }), fc.nat(80), fc.nat(80), (ranges, told, acked) => {
        const made = lane(...ranges.map(([from, length]) => [from, from + length] as const));
        made.acknowledged(Math.min(told, acked));
        const had = (byte: number) =>
          byte < acked || ranges.some(([from, length]) => from <= byte && byte < from + length);
        let reached = 0;
        while (had(reached)) reached++;
        expect(made.promised(acked)).toBe(reached);
      }),
    );
  });
});

/** A pipe whose peer is the test. */
class Alone {
  readonly pipe: Carrier;
  now = 0;
  ended: FairleadError | null | undefined;
  readonly #out = new Map<number, Uint8Array[]>();
  readonly #numbers = new Map<number, number>();

  constructor(lanes: number) {
    const effects: CarrierEffects = {
      ...NO_EFFECTS,
      now: () => this.now,
      send: (lane, pieces) => {
        this.#out.set(lane, [...(this.#out.get(lane) ?? []), Buffer.concat(pieces)]);
        return true;
      },
      ended: (error) => {
        this.ended = error;
      },
    };
    this.pipe = new Carrier(effects);
    for (let lane = 1; lane <= lanes; lane++) this.pipe.laneJoined(lane, 1, { received: 0 });
  }

  /** Lets time pass until a PING goes out on a lane, and returns its id. */
  ping(lane: number): number {
    this.now += 1000;
    this.pipe.tick();
    const sent = this.#out.get(lane) ?? [];
    for (const [number, message] of sent.entries()) {
      const read = number === sent.length - 1 ? readMessage(message, number) : null;
      if (read?.type === MESSAGE.ping) return read.id;
    }
    throw new Error(`no PING went out on lane ${lane}`);
  }

  /** Bytes given to a lane so far. */
  carried(lane: number): number {
    let bytes = 0;
    for (const [number, message] of (this.#out.get(lane) ?? []).entries()) {
      const read = readMessage(message, number);
      if (read?.type === MESSAGE.data) bytes += read.bytes.length;
    }
    return bytes;
  }

  pong(lane: number, id: number, received: number): void {
    this.#hear(lane, (number) => encodePong(number, id, received));
  }

  ack(lane: number, received: number): void {
    this.#hear(lane, (number) => encodeAck(number, received));
  }

  #hear(lane: number, message: (number: number) => Uint8Array): void {
    const number = this.#numbers.get(lane) ?? 0;
    this.#numbers.set(lane, nextNumber(number));
    this.pipe.receive(lane, message(number));
  }
}

const malformed = expect.objectContaining({ code: "session.malformed" });

describe("a PONG", () => {
  it("that says less than went out before its PING ends the pipe", () => {
    for (const missing of [1, 500, 1000]) {
      const alone = new Alone(1);
      alone.pipe.write([Buffer.alloc(1000)]);
      const id = alone.ping(1);
      alone.pong(1, id, 1000 - missing);
      expect(alone.ended, `${missing} bytes less`).toEqual(malformed);
    }
  });

  it("that says just as much, or more, does not", () => {
    const alone = new Alone(1);
    alone.pipe.write([Buffer.alloc(1000)]);
    const first = alone.ping(1);
    // Goes out behind the PING: the PONG may know of it, and need not.
    alone.pipe.write([Buffer.alloc(500)]);
    alone.pong(1, first, 1000);
    expect(alone.ended).toBeUndefined();
    const second = alone.ping(1);
    alone.pipe.write([Buffer.alloc(100)]);
    alone.pong(1, second, 1600);
    expect(alone.ended).toBeUndefined();
    expect(alone.pipe.held.out).toBe(0);
  });

  it("that says less than was acknowledged before its PING ends the pipe, whoever acknowledged", () => {
    const alone = new Alone(2);
    alone.pipe.write([Buffer.alloc(1000)]);
    // In the peer's name, on a lane that carried nothing of it.
    alone.ack(alone.carried(1) > 0 ? 2 : 1, 1000);
    const id = alone.ping(1);
    alone.pong(1, id, 0);
    expect(alone.ended).toEqual(malformed);
  });

  it("that was not asked for, or answers an older PING, judges nothing", () => {
    const alone = new Alone(1);
    alone.pipe.write([Buffer.alloc(1000)]);
    alone.pong(1, 77, 0);
    const id = alone.ping(1);
    alone.pong(1, id + 1, 0);
    expect(alone.ended).toBeUndefined();
    alone.pong(1, id, 1000);
    alone.pong(1, id, 0);
    expect(alone.ended).toBeUndefined();
  });

  it("need not tell of bytes that are under way on another lane, nor of those behind them", () => {
    const alone = new Alone(2);
    alone.pipe.write([Buffer.alloc(1000)]);
    const [used, free] = alone.carried(1) > 0 ? [1, 2] : [2, 1];
    const id = alone.ping(free);
    alone.pong(free, id, 0);
    expect(alone.ended).toBeUndefined();
    // The lane that carries them is lost: they go out on the other, and from then on that one promises them.
    alone.pipe.laneLost(used);
    expect(alone.carried(free)).toBe(1000);
    const next = alone.ping(free);
    alone.pong(free, next, 999);
    expect(alone.ended).toEqual(malformed);
  });
});

describe("two pipes", () => {
  /** Runs a transfer in which the first DATA message is changed on its way; tells how both ends ended. */
  function transfer(alter: (message: Uint8Array) => Uint8Array): (FairleadError | null | undefined)[] {
    const ended: (FairleadError | null | undefined)[] = [undefined, undefined];
    let now = 0;
    let altered = false;
    const wires: Uint8Array[][] = [[], []];
    const alarms = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    const make = (side: 0 | 1): Carrier =>
      new Carrier({
        ...NO_EFFECTS,
        now: () => now,
        alarm: (ms) => {
          alarms[side] = ms === null ? Number.POSITIVE_INFINITY : now + ms;
        },
        send: (_, pieces) => {
          const message = Buffer.concat(pieces);
          const harm = side === 0 && !altered && message[0] === MESSAGE.data;
          altered ||= harm;
          wires[side]?.push(harm ? alter(message) : message);
          return true;
        },
        ended: (error) => {
          ended[side] = error;
        },
      });
    const pipes = [make(0), make(1)] as const;
    for (const pipe of pipes) pipe.laneJoined(1, 1, { received: 0 });
    pipes[0].write([Buffer.alloc(2000)]);
    pipes[0].write([Buffer.alloc(3000)]);
    for (; now < 10_000 && ended[0] === undefined; now += 5) {
      for (const side of [0, 1] as const) {
        for (const message of wires[side]?.splice(0) ?? []) pipes[side === 0 ? 1 : 0].receive(1, message);
        if (now >= (alarms[side] ?? 0)) pipes[side].tick();
      }
    }
    for (const message of wires[0]?.splice(0) ?? []) pipes[1].receive(1, message);
    return ended;
  }

  it("find a message that was shortened on its way: both end with session.malformed, and soon", () => {
    expect(transfer((message) => message.subarray(0, message.length - 1))).toEqual([malformed, malformed]);
  });

  it("find one whose bytes were moved on", () => {
    const moved = (message: Uint8Array) => {
      const copy = Buffer.from(message);
      copy.writeUIntBE(copy.readUIntBE(4, 6) + 7, 4, 6);
      return copy;
    };
    expect(transfer(moved)).toEqual([malformed, malformed]);
  });

  it("go on when nothing was changed", () => {
    expect(transfer((message) => message)).toEqual([undefined, undefined]);
  });
});
