/**
 * PONGs and altered messages, against a carrier whose peer is the test.
 *
 * A lane keeps its order, so what a lane carried before a PING must have arrived when its PONG comes. A PONG
 * that acknowledges less shows that the relay took bytes out of messages, and nothing would ever retransmit
 * them.
 */
import { describe, expect, it } from "vitest";
import { Carrier, type CarrierEffects } from "../../../../protocol/carrier/index.ts";
import {
  encodeAck,
  encodePong,
  MESSAGE,
  nextNumber,
  readMessage,
} from "../../../../protocol/carrier/messages.ts";
import type { FairleadError } from "../../../../protocol/errors.ts";
import { NO_EFFECTS } from "./simulation.ts";

/** A carrier whose peer is the test. */
class ScriptedPeer {
  readonly carrier: Carrier;
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
    this.carrier = new Carrier(effects);
    for (let lane = 1; lane <= lanes; lane++) this.carrier.laneJoined(lane, 1, { received: 0 });
  }

  /** Lets time pass until the carrier sends a PING on a lane. Returns the id of the PING. */
  ping(lane: number): number {
    this.now += 1000;
    this.carrier.tick();
    const sent = this.#out.get(lane) ?? [];
    for (const [number, message] of sent.entries()) {
      const read = number === sent.length - 1 ? readMessage(message, number) : null;
      if (read?.type === MESSAGE.ping) return read.id;
    }
    throw new Error(`no PING was sent on lane ${lane}`);
  }

  /** Bytes that the carrier sent on a lane so far. */
  sentOn(lane: number): number {
    let bytes = 0;
    for (const [number, message] of (this.#out.get(lane) ?? []).entries()) {
      const read = readMessage(message, number);
      if (read?.type === MESSAGE.data) bytes += read.bytes.length;
    }
    return bytes;
  }

  pong(lane: number, id: number, received: number): void {
    this.#say(lane, (number) => encodePong(number, id, received));
  }

  ack(lane: number, received: number): void {
    this.#say(lane, (number) => encodeAck(number, received));
  }

  #say(lane: number, message: (number: number) => Uint8Array): void {
    const number = this.#numbers.get(lane) ?? 0;
    this.#numbers.set(lane, nextNumber(number));
    this.carrier.receive(lane, message(number));
  }
}

const malformed = expect.objectContaining({ code: "session.malformed" });

describe("Carrier", () => {
  it("ends when a PONG acknowledges less than its lane carried before the PING", () => {
    for (const missing of [1, 500, 1000]) {
      const peer = new ScriptedPeer(1);
      peer.carrier.write([Buffer.alloc(1000)]);
      const id = peer.ping(1);
      peer.pong(1, id, 1000 - missing);
      expect(peer.ended, `${missing} bytes less`).toEqual(malformed);
    }
  });

  it("takes a PONG that acknowledges as much as its lane carried before the PING, or more", () => {
    const peer = new ScriptedPeer(1);
    peer.carrier.write([Buffer.alloc(1000)]);
    const first = peer.ping(1);
    // Follows the PING: the PONG may acknowledge it or not.
    peer.carrier.write([Buffer.alloc(500)]);
    peer.pong(1, first, 1000);
    expect(peer.ended).toBeUndefined();
    const second = peer.ping(1);
    peer.carrier.write([Buffer.alloc(100)]);
    peer.pong(1, second, 1600);
    expect(peer.ended).toBeUndefined();
    expect(peer.carrier.held.out).toBe(0);
  });

  it("ends when a PONG acknowledges less than an ACK did before, even one that the relay sent", () => {
    const peer = new ScriptedPeer(2);
    peer.carrier.write([Buffer.alloc(1000)]);
    // Forged in the peer's name, on a lane that carried none of the bytes.
    peer.ack(peer.sentOn(1) > 0 ? 2 : 1, 1000);
    const id = peer.ping(1);
    peer.pong(1, id, 0);
    expect(peer.ended).toEqual(malformed);
  });

  it("ignores a PONG whose PING is not pending", () => {
    const peer = new ScriptedPeer(1);
    peer.carrier.write([Buffer.alloc(1000)]);
    peer.pong(1, 77, 0);
    const id = peer.ping(1);
    peer.pong(1, id + 1, 0);
    expect(peer.ended).toBeUndefined();
    peer.pong(1, id, 1000);
    peer.pong(1, id, 0);
    expect(peer.ended).toBeUndefined();
  });

  it("expects no PONG to acknowledge bytes that another lane carries, nor bytes behind them", () => {
    const peer = new ScriptedPeer(2);
    peer.carrier.write([Buffer.alloc(1000)]);
    const [used, free] = peer.sentOn(1) > 0 ? [1, 2] : [2, 1];
    const id = peer.ping(free);
    peer.pong(free, id, 0);
    expect(peer.ended).toBeUndefined();
    // The lane that carries them is lost. The other lane retransmits them, so its PONG must acknowledge them.
    peer.carrier.laneLost(used);
    expect(peer.sentOn(free)).toBe(1000);
    const next = peer.ping(free);
    peer.pong(free, next, 999);
    expect(peer.ended).toEqual(malformed);
  });
});

describe("Carrier, with a relay that alters messages", () => {
  /** Runs a transfer whose first DATA message the relay alters. Returns how both carriers ended. */
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
          const isFirst = side === 0 && !altered && message[0] === MESSAGE.data;
          altered ||= isFirst;
          wires[side]?.push(isFirst ? alter(message) : message);
          return true;
        },
        ended: (error) => {
          ended[side] = error;
        },
      });
    const carriers = [make(0), make(1)] as const;
    for (const carrier of carriers) carrier.laneJoined(1, 1, { received: 0 });
    carriers[0].write([Buffer.alloc(2000)]);
    carriers[0].write([Buffer.alloc(3000)]);
    for (; now < 10_000 && ended[0] === undefined; now += 5) {
      for (const side of [0, 1] as const) {
        for (const message of wires[side]?.splice(0) ?? []) carriers[side === 0 ? 1 : 0].receive(1, message);
        if (now >= (alarms[side] ?? 0)) carriers[side].tick();
      }
    }
    for (const message of wires[0]?.splice(0) ?? []) carriers[1].receive(1, message);
    return ended;
  }

  it("ends with session.malformed on both sides when a message was shortened", () => {
    expect(transfer((message) => message.subarray(0, message.length - 1))).toEqual([malformed, malformed]);
  });

  it("ends with session.malformed on both sides when an offset was changed", () => {
    const moved = (message: Uint8Array) => {
      const copy = Buffer.from(message);
      copy.writeUIntBE(copy.readUIntBE(4, 6) + 7, 4, 6);
      return copy;
    };
    expect(transfer(moved)).toEqual([malformed, malformed]);
  });

  it("continues when nothing was altered", () => {
    expect(transfer((message) => message)).toEqual([undefined, undefined]);
  });
});
