/**
 * A simulation of two carriers. Its lanes have bandwidth and delay; they are cut, stall, lose messages and
 * come late. A registry grants generations, and the clock jumps from event to event. A seed fixes everything
 * that happens.
 */

import type { CarrierState } from "../../../../protocol/carrier/carrier-state.ts";
import { Carrier, type CarrierEffects } from "../../../../protocol/carrier/index.ts";
import type { FairleadError } from "../../../../protocol/errors.ts";
import { random } from "../streams/multiplexer-pair.ts";

/** Both sides write slices of this at the offset that they have reached, so checking is comparing. */
const PATTERN_BYTES = 1 << 20;
const PATTERN = Buffer.alloc(2 * PATTERN_BYTES);
{
  const next = random(1);
  for (let at = 0; at < PATTERN_BYTES; at++) PATTERN[at] = next(256);
  PATTERN.copy(PATTERN, PATTERN_BYTES, 0, PATTERN_BYTES);
}

/** Effects that do nothing. A test overrides those that it observes. */
export const NO_EFFECTS: CarrierEffects = {
  now: () => 0,
  alarm: () => {},
  send: () => true,
  deliver: () => true,
  drained: () => {},
  pause: () => {},
  lanesNeeded: () => {},
  close: () => {},
  terminate: () => {},
  idle: () => false,
  stateChanged: () => {},
  roundTripMeasured: () => {},
  ended: () => {},
};

export interface SimulationOptions {
  /** Bytes that each side writes. */
  bytes: readonly [number, number];
  lanes: number;
  replayBytes: number;
  minInflightBytes: number;
  /** Faults, each in how many of 1000 messages; none after `calmAt`. */
  cut: number;
  lose: number;
  stall: number;
  /** Dials that fail, in how many of 1000. */
  unmet: number;
  /** The reader exerts backpressure, in how many of 1000 deliveries. */
  backpressure: number;
  /** Largest one-way delay of a lane, ms. */
  delay: number;
  /** Bytes per ms of the slowest lane. */
  bandwidth: number;
  calmAt: number;
  /** The first lane is cut after this many bytes from side 0 to side 1. */
  cutAfterBytes?: number;
}

class Clock {
  now = 0;
  /** A heap, ordered by time and then by insertion. */
  readonly #events: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  after(ms: number, run: () => void): void {
    const events = this.#events;
    events.push({ at: this.now + ms, order: this.#order++, run });
    for (let at = events.length - 1; at > 0; ) {
      const parent = (at - 1) >>> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Runs the next event. Returns false when there is none. */
  step(): boolean {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined) return false;
    if (events.length > 0) {
      events[0] = last;
      for (let at = 0; ; ) {
        let least = at;
        for (const child of [2 * at + 1, 2 * at + 2]) {
          if (child < events.length && this.#before(child, least)) least = child;
        }
        if (least === at) break;
        this.#swap(at, least);
        at = least;
      }
    }
    this.now = Math.max(this.now, first.at);
    first.run();
    return true;
  }

  #before(left: number, right: number): boolean {
    const [first, second] = [this.#events[left], this.#events[right]];
    if (first === undefined || second === undefined) return false;
    return first.at < second.at || (first.at === second.at && first.order < second.order);
  }

  #swap(left: number, right: number): void {
    const [first, second] = [this.#events[left], this.#events[right]];
    if (first === undefined || second === undefined) return;
    this.#events[left] = second;
    this.#events[right] = first;
  }
}

/** One direction of a lane. */
interface Wire {
  readonly queue: Uint8Array[];
  queued: number;
  full: boolean;
  busy: boolean;
  paused: boolean;
  /** Messages vanish, and neither side learns of it. */
  loses: boolean;
  stalledUntil: number;
  carried: number;
}

interface SimulatedLane {
  readonly id: number;
  readonly generation: number;
  readonly delay: number;
  readonly bandwidth: number;
  /** The sides that still have the lane. */
  readonly open: [boolean, boolean];
  /** The sides whose carrier the lane has joined: the preface was read there. */
  readonly joined: [boolean, boolean];
  readonly wires: [Wire, Wire];
  cutAfterBytes: number;
}

const WIRE_LIMIT = 96 * 1024;

export class Side {
  readonly index: 0 | 1;
  readonly carrier: Carrier;
  state: CarrierState = "joining";
  written = 0;
  read = 0;
  wrong = 0;
  writable = true;
  ended: FairleadError | null | undefined = undefined;
  needsLanes = false;
  /** The highest generation that this side knows. */
  generation = 0;
  alarm = 0;
  peakOut = 0;
  peakIn = 0;
  /** How often the carrier requested lanes. */
  requests = 0;

  constructor(index: 0 | 1, makeCarrier: (side: Side) => Carrier) {
    this.index = index;
    this.carrier = makeCarrier(this);
  }
}

const other = (index: 0 | 1): 0 | 1 => (index === 0 ? 1 : 0);

export class Simulation {
  readonly clock = new Clock();
  readonly random: (below: number) => number;
  readonly options: SimulationOptions;
  readonly sides: [Side, Side];
  readonly lanes = new Map<number, SimulatedLane>();
  /** The newest generation that the registry granted. */
  #generation = 1;
  #pendingUntil = 0;
  #nextLane = 1;
  /** Every message as it was sent, if a test records them. */
  recorded: { from: 0 | 1; lane: number; message: Uint8Array }[] | null = null;
  /** Alters messages in flight: the returned ones take the place of each. */
  alter: ((message: Uint8Array, from: 0 | 1) => Uint8Array[]) | null = null;

  constructor(seed: number, options: Partial<SimulationOptions> = {}) {
    this.random = random(seed);
    const pick = <T>(...items: T[]): T => items[this.random(items.length)] as T;
    this.options = {
      bytes: [this.random(300_000), pick(0, this.random(300_000))],
      lanes: pick(1, 1, 2, 4),
      replayBytes: pick(100_000, 300_000, 2_000_000),
      minInflightBytes: pick(70_000, 300_000, 1_000_000),
      cut: pick(0, 20, 100),
      lose: pick(0, 0, 15),
      stall: pick(0, 30),
      unmet: pick(0, 200),
      backpressure: pick(0, 100),
      delay: pick(1, 30, 400),
      bandwidth: pick(10, 100, 10_000),
      calmAt: 60_000,
      ...options,
    };
    this.sides = [
      new Side(0, (side) => this.#makeCarrier(side)),
      new Side(1, (side) => this.#makeCarrier(side)),
    ];
  }

  #makeCarrier(side: Side): Carrier {
    const effects: CarrierEffects = {
      now: () => this.clock.now,
      alarm: (ms) => {
        const mine = ++side.alarm;
        if (ms !== null) this.clock.after(ms, () => mine === side.alarm && side.carrier.tick());
      },
      send: (lane, pieces) => this.#send(side, lane, pieces),
      deliver: (bytes) => this.deliver(side, bytes),
      drained: () => {
        side.writable = true;
        this.drained(side);
      },
      pause: (id, paused) => {
        const wire = this.lanes.get(id)?.wires[other(side.index)];
        if (wire === undefined) return;
        wire.paused = paused;
        if (!paused) this.#pump(id, other(side.index));
      },
      lanesNeeded: () => {
        side.needsLanes = true;
        side.requests++;
        this.#ask(side);
      },
      close: (id) => this.#leave(id, side.index, true),
      terminate: (id) => this.#leave(id, side.index, false),
      idle: () => this.idle(side),
      stateChanged: (state) => {
        side.state = state;
      },
      roundTripMeasured: () => {},
      ended: (error) => {
        side.ended = error;
      },
    };
    const { replayBytes } = this.options;
    const minInflightBytes = this.options.minInflightBytes;
    return new Carrier(effects, { replayBytes, windowBytes: 300_000, minInflightBytes });
  }

  // ---- the layers above the carriers, which tests may replace --------------------------------------------------------

  deliver: (side: Side, bytes: Uint8Array) => boolean = (side, bytes) => {
    const from = side.read % PATTERN_BYTES;
    if (PATTERN.compare(bytes, 0, bytes.length, from, from + bytes.length) !== 0) side.wrong++;
    side.read += bytes.length;
    if (this.random(1000) >= this.options.backpressure) return true;
    this.clock.after(this.random(3000), () => side.carrier.resume());
    return false;
  };
  drained: (side: Side) => void = (side) => this.write(side);
  idle: (side: Side) => boolean = (side) =>
    side.written === this.options.bytes[side.index] && side.read === this.options.bytes[other(side.index)];

  /** Called after each event. */
  afterStep: () => void = () => {};

  /** Writes what is left to write, as far as the carrier takes it, in chunks of any size. */
  write: (side: Side) => void = (side) => {
    const total = this.options.bytes[side.index];
    while (side.writable && side.written < total) {
      const chunks: Uint8Array[] = [];
      for (let count = 1 + this.random(3); count > 0; count--) {
        const size = Math.min(total - side.written, 1 + this.random(this.random(2) === 0 ? 200 : 30_000));
        const from = side.written % PATTERN_BYTES;
        chunks.push(PATTERN.subarray(from, from + size));
        side.written += size;
      }
      side.writable = side.carrier.write(chunks);
      if (this.random(4) === 0) {
        if (side.written < total) this.clock.after(this.random(500), () => this.write(side));
        return;
      }
    }
  };

  // ---- running ----------------------------------------------------------------------------------------

  start(): void {
    this.dial(1);
    for (const side of this.sides) this.clock.after(this.random(100), () => this.write(side));
  }

  /** Runs until `done`, or until no event is left. Returns false when it takes too long. */
  run(done: () => boolean, limitMs = 3_600_000): boolean {
    for (let steps = 0; !done(); steps++) {
      if (this.clock.now > limitMs || steps > 400_000) return false;
      if (!this.clock.step()) return done();
      this.afterStep();
      for (const side of this.sides) {
        const held = side.carrier.held;
        if (held.out > side.peakOut) side.peakOut = held.out;
        if (held.in > side.peakIn) side.peakIn = held.in;
      }
    }
    return true;
  }

  // ---- the registry -----------------------------------------------------------------------------------

  /** A side requests lanes until it has some. */
  #ask(side: Side): void {
    this.clock.after(this.random(100), () => {
      if (!side.needsLanes || side.ended !== undefined) return;
      const { now } = this.clock;
      const coming = now < this.#pendingUntil && this.#generation > side.generation;
      if (!coming) {
        this.#generation = Math.max(this.#generation, side.generation) + 1;
        this.#pendingUntil = now + 10_000;
        this.dial(this.#generation);
      }
      this.clock.after(2000 + this.random(4000), () => side.needsLanes && this.#ask(side));
    });
  }

  /** Both sides dial every lane of a generation, each in its own time. */
  dial(generation: number): void {
    for (let at = 0; at < this.options.lanes; at++) {
      const calm = this.clock.now >= this.options.calmAt;
      const wire = (): Wire => ({
        queue: [],
        queued: 0,
        full: false,
        busy: false,
        paused: false,
        loses: false,
        stalledUntil: 0,
        carried: 0,
      });
      const lane: SimulatedLane = {
        id: this.#nextLane++,
        generation,
        delay: this.random(this.options.delay + 1),
        bandwidth: this.options.bandwidth * (1 + this.random(4)),
        open: [true, true],
        joined: [false, false],
        wires: [wire(), wire()],
        cutAfterBytes: generation === 1 ? (this.options.cutAfterBytes ?? Infinity) : Infinity,
      };
      this.lanes.set(lane.id, lane);
      for (const side of this.sides) {
        if (!calm && generation > 1 && this.random(1000) < this.options.unmet) continue;
        this.clock.after(this.random(300), () => this.#arrive(side, lane));
      }
    }
  }

  /** A side's socket is open: it sends its preface, with the bytes received by now. */
  #arrive(side: Side, lane: SimulatedLane): void {
    if (side.ended !== undefined) return;
    side.generation = Math.max(side.generation, lane.generation);
    const peer = this.sides[other(side.index)];
    const { received } = side.carrier;
    // The router keeps the preface until the other side dials, which may never happen.
    this.clock.after(lane.delay + this.random(200), () => {
      if (peer.ended !== undefined || !lane.open[peer.index]) return;
      lane.joined[peer.index] = true;
      if (peer.generation <= lane.generation) peer.needsLanes = false;
      peer.generation = Math.max(peer.generation, lane.generation);
      peer.carrier.laneJoined(lane.id, lane.generation, { received, window: 300_000 });
      this.#pump(lane.id, side.index);
    });
  }

  // ---- lanes ------------------------------------------------------------------------------------------

  #send(side: Side, id: number, pieces: readonly Uint8Array[]): boolean {
    const lane = this.lanes.get(id);
    if (lane === undefined || !lane.open[side.index]) return true;
    const wire = lane.wires[side.index];
    const message = Buffer.concat(pieces);
    this.recorded?.push({ from: side.index, lane: id, message });
    for (const altered of this.alter?.(message, side.index) ?? [message]) {
      wire.queue.push(altered);
      wire.queued += altered.length;
    }
    this.#injectFault(lane, side.index);
    this.#pump(id, side.index);
    wire.full ||= wire.queued >= WIRE_LIMIT;
    return !wire.full;
  }

  #injectFault(lane: SimulatedLane, from: 0 | 1): void {
    const { options, clock } = this;
    if (clock.now >= options.calmAt) return;
    const wire = lane.wires[from];
    if (this.random(1000) < options.cut) clock.after(this.random(50), () => this.#cut(lane));
    if (this.random(1000) < options.lose) {
      wire.loses = true;
      if (this.random(2) === 0) lane.wires[other(from)].loses = true;
    }
    if (this.random(1000) < options.stall) wire.stalledUntil = clock.now + this.random(12_000);
  }

  #pump(id: number, from: 0 | 1): void {
    const lane = this.lanes.get(id);
    const wire = lane?.wires[from];
    const to = other(from);
    if (!lane || !wire || wire.busy || wire.paused || !lane.joined[to] || wire.queue.length === 0) return;
    const size = wire.queue[0]?.length ?? 0;
    wire.busy = true;
    const stall = Math.max(0, wire.stalledUntil - this.clock.now);
    this.clock.after(stall + lane.delay / 8 + size / lane.bandwidth, () => {
      wire.busy = false;
      if (wire.paused) return;
      const message = wire.queue.shift();
      if (message === undefined) return;
      wire.queued -= message.length;
      wire.carried += message.length;
      if (from === 0 && wire.carried > lane.cutAfterBytes) {
        this.#cut(lane);
        return;
      }
      const receiver = this.sides[to];
      if (!wire.loses && lane.open[to] && receiver.ended === undefined) receiver.carrier.receive(id, message);
      if (wire.full && wire.queued < WIRE_LIMIT / 2) {
        wire.full = false;
        if (lane.open[from]) this.sides[from].carrier.laneDrained(id);
      }
      this.#pump(id, from);
    });
  }

  /** Cuts every lane that has joined on both sides. */
  cutAll(): void {
    for (const lane of [...this.lanes.values()]) if (lane.joined[0] && lane.joined[1]) this.#cut(lane);
  }

  /** Cuts a lane. Each side learns of it in its own time, or never. */
  #cut(lane: SimulatedLane): void {
    for (const wire of lane.wires) wire.loses = true;
    for (const side of this.sides) {
      if (
        this.clock.now < this.options.calmAt &&
        this.random(4) === 0 &&
        this.options.cutAfterBytes === undefined
      )
        continue;
      this.clock.after(this.random(300), () => this.#reportLost(lane, side.index));
    }
  }

  #reportLost(lane: SimulatedLane, index: 0 | 1): void {
    if (!lane.open[index]) return;
    lane.open[index] = false;
    this.sides[index].carrier.laneLost(lane.id);
    this.#forget(lane);
  }

  /** A side's carrier closed a lane. The other side learns of it behind what was sent, or soon. */
  #leave(id: number, from: 0 | 1, graceful: boolean): void {
    const lane = this.lanes.get(id);
    if (lane === undefined) return;
    lane.open[from] = false;
    const report = (): void => {
      const wire = lane.wires[from];
      if (graceful && wire.queue.length > 0 && !wire.loses && lane.open[other(from)]) {
        this.clock.after(50, report);
      } else this.#reportLost(lane, other(from));
    };
    this.clock.after(this.random(100), report);
    this.#forget(lane);
  }

  #forget(lane: SimulatedLane): void {
    if (!lane.open[0] && !lane.open[1]) this.lanes.delete(lane.id);
  }
}

/** The seeds to run: those of FAIRLEAD_SEED, else `count` of them from `first`. */
export function seeds(count: number, first = 1): number[] {
  const only = process.env.FAIRLEAD_SEED;
  if (only) return only.split(",").map(Number);
  return Array.from({ length: count }, (_, at) => first + at);
}

/** Runs a check for a seed. A failure says how to reproduce it. */
export function withSeed(seed: number, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof Error) error.message = `FAIRLEAD_SEED=${seed} reproduces it: ${error.message}`;
    throw error;
  }
}
