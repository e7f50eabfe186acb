/**
 * Carrier version 2: a reliable pipe of bytes over lanes that come and go. A state machine without sockets,
 * timers or clocks: bytes go in with {@link Pipe.write}, lanes and their messages are told to it, and what is to
 * be done comes out as {@link PipeEffects}.
 *
 * Reading never waits for writing: what arrives is handled whatever the lanes take, and short messages (ACK,
 * PING, PONG) go out even on a lane that is full, one of each. Bytes wait for lanes that take them, then
 * {@link Pipe.write} asks its caller to wait.
 */
import { FairleadError, isErrorCode } from "../errors.ts";
import type { LaneReason, PipeEffects, PipeLimits } from "./effects.ts";
import { Flight, LITTLE } from "./flight.ts";
import { Incoming } from "./incoming.ts";
import { PipeLane } from "./lanes.ts";
import {
  DEFAULT_WINDOW_BYTES,
  encodeAck,
  encodeDataHeader,
  encodeEnd,
  encodePark,
  encodePing,
  encodePong,
  MAX_DATA,
  MESSAGE,
  type Message,
  nextNumber,
  readMessage,
} from "./messages.ts";
import { Outgoing, type Range } from "./outgoing.ts";
import { mayMove, type PipeState } from "./states.ts";

/** An acknowledgement is sent after this many bytes or ms, whichever is first. */
export const ACK_BYTES = 256 * 1024;
export const ACK_MS = 25;
/** Bytes that may wait for a lane before `write` asks to wait: more would only delay what comes later. */
export const UNSENT_BYTES = 64 * 1024;
const MAX_PATIENCE = 12;
/** An alarm this late means that the process did not run, ms. */
const FROZEN_MS = 1000;

export class Pipe {
  readonly #effects: PipeEffects;
  readonly #out = new Outgoing();
  readonly #in: Incoming;
  readonly #flight: Flight;
  readonly #replayBytes: number;
  /** What the peer keeps for want of earlier bytes. */
  #peerWindow = DEFAULT_WINDOW_BYTES;
  #lanes = new Map<number, PipeLane>();
  #generation = 0;
  #state: PipeState = "joining";
  /** The lane that bytes go to while it takes them. */
  #current: PipeLane | null = null;
  /** `write` returned false. */
  #pushedBack = false;
  /** The reader asked to wait. */
  #paused = false;
  #wanting = false;
  /** Bytes below this offset were acknowledged by us. */
  #ackedIn = 0;
  /** When the next acknowledgement is due, ms. */
  #ackAt = Number.POSITIVE_INFINITY;
  /** Every lane was too full for one that was due. */
  #ackOwed = false;
  /** Our side ends once everything was sent. */
  #ending = false;
  #endSent = false;
  /** Where the peer said that the pipe ends. */
  #peerEnd: number | null = null;
  /**
   * Grows with each lane that fell silent before it was of any use: where one message takes longer than a lane
   * has time to answer, the next lane must get more.
   */
  #patience = 1;
  #alarmAt = Number.POSITIVE_INFINITY;

  constructor(effects: PipeEffects, limits: PipeLimits = {}) {
    this.#effects = effects;
    this.#replayBytes = limits.replayBytes ?? DEFAULT_WINDOW_BYTES;
    this.#flight = new Flight(limits.leastFlightBytes);
    this.#in = new Incoming(limits.windowBytes ?? DEFAULT_WINDOW_BYTES, (bytes) => this.#deliver(bytes));
  }

  get state(): PipeState {
    return this.#state;
  }
  /** Bytes received in order: what a preface says. */
  get received(): number {
    return this.#in.received;
  }
  /** Bytes given to lanes. */
  get sent(): number {
    return this.#out.sent;
  }
  get generation(): number {
    return this.#generation;
  }
  get lanes(): number {
    return this.#lanes.size;
  }
  /** Bytes kept for the peer, and bytes of the peer kept for want of earlier ones. */
  get held(): { readonly out: number; readonly in: number } {
    return { out: this.#out.retained, in: this.#in.held };
  }
  /** Smoothed round trip of the fastest lane, ms; null before it was measured. */
  get rtt(): number | null {
    let best: number | null = null;
    for (const { rtt } of this.#lanes.values()) if (rtt !== null && rtt < (best ?? rtt + 1)) best = rtt;
    return best;
  }

  // ---- what the user does -----------------------------------------------------------------------------

  /** Takes chunks, which must not change any more; false asks to wait for `drained`. */
  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#state === "ended" || this.#ending) return true;
    try {
      for (const chunk of chunks) this.#out.push(chunk);
    } catch (error) {
      this.#fail(error);
      return true;
    }
    if (this.#state === "parking") this.#move("up");
    this.wake();
    this.#flush();
    this.#pushedBack = !this.#writable();
    this.#plan();
    return !this.#pushedBack;
  }

  /** After `deliver` returned false: reads on. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const now = this.#effects.now();
    for (const lane of this.#lanes.values()) {
      lane.forgive(now);
      this.#effects.pause(lane.id, false);
    }
    this.#plan();
  }

  /** Ends the pipe once the peer has everything. */
  end(): void {
    if (this.#state === "ended" || this.#ending) return;
    this.#ending = true;
    this.wake();
    this.#flush();
    this.#plan();
  }

  /** Ends the pipe now; the peer is told why where there is a lane. */
  abort(error: FairleadError): void {
    this.#fail(error);
  }

  /** Lets the lanes go, if nothing is under way; the peer must agree. True when it is on its way. */
  park(): boolean {
    if (this.#state === "parking" || this.#state === "parked") return true;
    if (this.#state !== "up" || !this.#quiet()) return false;
    this.#move("parking");
    this.#sendPark();
    this.#plan();
    return true;
  }

  /** A parked pipe wants lanes again. */
  wake(): void {
    if (this.#state !== "parked") return;
    this.#move("resuming");
    this.#want("unpark");
  }

  // ---- what lanes do ----------------------------------------------------------------------------------

  /**
   * A lane is open and the prefaces were exchanged. A higher generation takes the place of all lanes of lower
   * ones at once; one of a lower generation is terminated.
   */
  laneJoined(id: number, generation: number, peer: { received: number; window?: number }): void {
    if (this.#state === "ended" || generation < this.#generation) {
      this.#effects.terminate(id);
      return;
    }
    const now = this.#effects.now();
    if (generation > this.#generation) {
      this.#generation = generation;
      for (const old of [...this.#lanes.values()]) this.#drop(old, "terminate");
    }
    this.#peerWindow = peer.window ?? DEFAULT_WINDOW_BYTES;
    this.#flight.moved();
    const lane = new PipeLane(id, generation, now, this.#patience);
    this.#lanes.set(id, lane);
    if (this.#paused) this.#effects.pause(id, true);
    this.#wanting = false;
    this.#endSent = false;
    if (this.#state !== "up") this.#move("up");
    try {
      this.#acknowledged(peer.received);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#flush();
    this.#plan();
  }

  /** A lane is gone, whatever the reason; not told for lanes that the pipe ended itself. */
  laneLost(id: number): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined || this.#state === "ended") return;
    this.#drop(lane, null);
    if (this.#finished()) return;
    this.#lacking("lost");
    this.#flush();
    this.#plan();
  }

  /** A lane takes messages again. */
  laneDrained(id: number): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined || this.#state === "ended") return;
    lane.full = false;
    lane.squeezed = false;
    if (this.#ackOwed) this.#acknowledge();
    if (lane.owedPong !== null) {
      this.#send(lane, [encodePong(lane.numberOut, lane.owedPong, this.#in.received)]);
      lane.owedPong = null;
    }
    this.#flush();
    this.#plan();
  }

  /** A message came. What is wrong with it ends the pipe. */
  receive(id: number, bytes: Uint8Array): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined || this.#state === "ended") return;
    lane.heardAt = this.#effects.now();
    if (lane.silent) this.#heardAgain(lane);
    try {
      const message = readMessage(bytes, lane.numberIn);
      lane.numberIn = nextNumber(lane.numberIn);
      if (message !== null) this.#handle(lane, message);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The alarm. */
  tick(): void {
    if (this.#state === "ended") return;
    const now = this.#effects.now();
    const late = now - this.#alarmAt;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    if (late > FROZEN_MS) for (const lane of this.#lanes.values()) lane.forgive(now);
    if (now >= this.#ackAt) this.#acknowledge();
    this.#checkLanes(now);
    if (!this.#isEnded()) this.#plan();
  }

  // ---- receiving --------------------------------------------------------------------------------------

  #handle(lane: PipeLane, message: Message): void {
    switch (message.type) {
      case MESSAGE.data:
        this.#receiveData(message.offset, message.bytes);
        return;
      case MESSAGE.ack:
        this.#acknowledged(message.received);
        break;
      case MESSAGE.ping:
        this.#acknowledged(message.received);
        this.#answer(lane, message.id);
        break;
      case MESSAGE.pong: {
        const answer = lane.pong(message.id, this.#effects.now());
        if (answer !== null && message.received < answer.acked) {
          throw new FairleadError("session.malformed", "acknowledgements came that the peer never sent");
        }
        if (answer !== null && message.received < answer.promised) {
          throw new FairleadError(
            "session.malformed",
            "bytes went out on a lane that the peer did not get from it",
          );
        }
        if (answer !== null) {
          this.#flight.measured(answer.took, answer.alone);
          this.#effects.measured(answer.took);
        }
        this.#acknowledged(message.received);
        break;
      }
      case MESSAGE.park:
        this.#receivePark(message.sent, message.received);
        break;
      case MESSAGE.end:
        this.#receiveEnd(message.sent, message.code);
        break;
    }
    if (this.#isEnded() || this.#finished()) return;
    this.#flush();
    this.#plan();
  }

  #receiveData(offset: number, bytes: Uint8Array): void {
    if (this.#peerEnd !== null && offset + bytes.length > this.#peerEnd) {
      throw new FairleadError("session.malformed", "bytes behind the end of the pipe");
    }
    if (this.#state === "parking") this.#move("up");
    this.#in.take(offset, bytes);
    // The reader may have ended the pipe.
    if (this.#isEnded()) return;
    const { received } = this.#in;
    if (this.#finished()) return;
    // What came twice is acknowledged too: its sender does not know that it arrived.
    if (received - this.#ackedIn >= ACK_BYTES) this.#acknowledge();
    else if (this.#ackAt === Number.POSITIVE_INFINITY) {
      this.#ackAt = this.#effects.now() + ACK_MS;
      this.#plan();
    }
  }

  #deliver(bytes: Uint8Array): void {
    if (this.#state === "ended" || this.#effects.deliver(bytes) || this.#paused) return;
    this.#paused = true;
    for (const lane of this.#lanes.values()) this.#effects.pause(lane.id, true);
  }

  #acknowledged(received: number): void {
    this.#out.acknowledge(received);
    this.#flight.acknowledged(received, this.#effects.now());
    for (const lane of this.#lanes.values()) lane.acknowledged(this.#out.acked);
  }

  #receivePark(sent: number, received: number): void {
    this.#acknowledged(received);
    if (sent > this.#in.received) {
      throw new FairleadError("session.malformed", "the peer parks over bytes that did not arrive");
    }
    // Bytes are under way after all: the peer will see them, or its own come.
    if (sent < this.#in.received || received < this.#out.written) return;
    if (this.#state === "up" && this.#quiet() && this.#effects.idle()) {
      this.#move("parking");
      this.#sendPark();
    }
    if (this.#state !== "parking") return;
    for (const lane of [...this.#lanes.values()]) this.#drop(lane, "close");
    this.#move("parked");
  }

  #receiveEnd(sent: number, code: string): void {
    if (code !== "") {
      const known = isErrorCode(code) ? code : "session.lost";
      this.#end(new FairleadError(known, `the other side ended the session: ${code}`), "close");
      return;
    }
    if (sent < this.#in.received)
      throw new FairleadError("session.malformed", "the pipe ends before its bytes");
    this.#peerEnd = sent;
    this.#finished();
  }

  /** Ends the pipe when one side's end is reached. True when it has ended. */
  #finished(): boolean {
    if (this.#peerEnd !== null && this.#in.received === this.#peerEnd) {
      this.#acknowledge();
      this.#end(null, "close");
    } else if (this.#ending && this.#endSent && this.#out.retained === 0) this.#end(null, "close");
    return this.#isEnded();
  }

  // ---- sending ----------------------------------------------------------------------------------------

  #flush(): void {
    if (this.#state !== "up") return;
    const limit = Math.min(this.#replayBytes, this.#peerWindow, this.#flight.limit);
    for (let lane = this.#ready(); lane !== null; lane = this.#ready()) {
      const range = this.#out.take(MAX_DATA, limit);
      if (range === null) break;
      this.#sendRange(lane, range);
      // Sending may have ended it all.
      if (this.#state !== "up") return;
    }
    this.#sendEnd();
    if (this.#pushedBack && this.#writable()) {
      this.#pushedBack = false;
      this.#effects.drained();
    }
  }

  /** A lane that takes bytes: the same as before while it does, so that bytes mostly arrive in order. */
  #ready(): PipeLane | null {
    const takes = (lane: PipeLane) => !lane.full && !lane.silent;
    if (this.#current !== null && takes(this.#current)) return this.#current;
    this.#current = null;
    for (const lane of this.#lanes.values()) if (takes(lane)) this.#current = lane;
    return this.#current;
  }

  #sendRange(lane: PipeLane, range: Range): void {
    const pieces: Uint8Array[] = [encodeDataHeader(lane.numberOut, range.from)];
    this.#out.slices(range, pieces);
    lane.sent(range);
    this.#flight.sent(range.to, this.#out.acked, this.#effects.now());
    this.#send(lane, pieces);
  }

  #send(lane: PipeLane, pieces: readonly Uint8Array[]): void {
    lane.numberOut = nextNumber(lane.numberOut);
    if (!this.#effects.send(lane.id, pieces)) lane.full = true;
  }

  #writable(): boolean {
    return this.#out.unsent <= UNSENT_BYTES && this.#out.retained < this.#replayBytes;
  }

  #acknowledge(): void {
    this.#ackAt = Number.POSITIVE_INFINITY;
    const lane = this.#answering();
    this.#ackOwed = lane === null;
    if (lane === null) return;
    lane.squeezed = lane.full;
    this.#ackedIn = this.#in.received;
    this.#send(lane, [encodeAck(lane.numberOut, this.#in.received)]);
  }

  /** A lane for an acknowledgement: one that is not full, or that got none since it became full. */
  #answering(): PipeLane | null {
    const ready = this.#ready();
    if (ready !== null) return ready;
    for (const lane of this.#lanes.values()) if (!lane.silent && !lane.squeezed) return lane;
    return null;
  }

  #answer(lane: PipeLane, id: number): void {
    if (lane.full) lane.owedPong = id;
    else this.#send(lane, [encodePong(lane.numberOut, id, this.#in.received)]);
  }

  #sendPark(): void {
    for (const lane of [...this.#lanes.values()]) {
      this.#send(lane, [encodePark(lane.numberOut, this.#out.written, this.#in.received)]);
    }
  }

  #sendEnd(): void {
    if (!this.#ending || this.#endSent || this.#out.unsent > 0 || this.#out.replays) return;
    const lane = this.#ready();
    if (lane === null) return;
    this.#endSent = true;
    this.#send(lane, [encodeEnd(lane.numberOut, this.#out.written, "")]);
    this.#finished();
  }

  // ---- lanes and time ---------------------------------------------------------------------------------

  /** Nothing is under way in either direction, as far as this side knows. */
  #quiet(): boolean {
    return this.#out.retained === 0 && this.#in.held === 0 && !this.#ending;
  }

  /** Whether a sign of life is awaited. */
  #awaiting(): boolean {
    if (this.#paused) return false;
    if (this.#state === "parking") return true;
    return this.#out.retained > 0 || this.#in.held > 0 || !this.#effects.idle();
  }

  /** Forgets a lane: what was under way on it goes out again. */
  #drop(lane: PipeLane, how: "close" | "terminate" | null): void {
    this.#lanes.delete(lane.id);
    if (this.#current === lane) this.#current = null;
    this.#out.lost(lane.takeUnder());
    if (how !== null) this.#effects[how](lane.id);
  }

  /** A lane is missing: goes on with the others, asks for new ones, or does without while nobody needs any. */
  #lacking(reason: LaneReason): void {
    let answering = false;
    for (const lane of this.#lanes.values()) if (!lane.silent) answering = true;
    if (this.#state === "parking" && this.#lanes.size === 0) this.#move("parked");
    if (this.#state !== "up" && this.#state !== "parking") return;
    if (!answering) {
      const needless = this.#lanes.size === 0 && this.#quiet() && this.#effects.idle();
      this.#move(needless ? "parked" : "resuming");
      if (needless) return;
    }
    this.#want(reason);
  }

  #want(reason: LaneReason): void {
    if (this.#wanting) return;
    this.#wanting = true;
    this.#effects.wantLane(reason);
  }

  #heardAgain(lane: PipeLane): void {
    lane.silent = false;
    if (this.#state !== "resuming") return;
    this.#move("up");
    this.#flush();
  }

  #checkLanes(now: number): void {
    const awaiting = this.#awaiting();
    for (const lane of [...this.#lanes.values()]) {
      if (now >= lane.pingAt(awaiting)) {
        this.#send(lane, [encodePing(lane.numberOut, this.#ping(lane, now), this.#in.received)]);
      }
      if (this.#paused || now < lane.deadAt()) continue;
      lane.silent = true;
      this.#patience = lane.useful ? 1 : Math.min(this.#patience * 2, MAX_PATIENCE);
      if (this.#current === lane) this.#current = null;
      if (this.#state === "parking") this.#drop(lane, "terminate");
      else this.#out.lost(lane.takeUnder());
      this.#lacking("silent");
    }
    this.#flush();
  }

  #ping(lane: PipeLane, now: number): number {
    return lane.ping(now, this.#out.acked, this.#out.retained <= LITTLE);
  }

  /** Sets the alarm for what is due next. */
  #plan(): void {
    if (this.#state === "ended") return;
    const awaiting = this.#awaiting();
    let at = this.#ackAt;
    for (const lane of this.#lanes.values()) at = Math.min(at, lane.pingAt(awaiting), this.#deadAt(lane));
    if (at === this.#alarmAt) return;
    // An alarm that comes too early costs less than to move it with every message.
    if (this.#alarmAt < at && this.#alarmAt !== Number.POSITIVE_INFINITY) return;
    this.#alarmAt = at;
    this.#effects.alarm(at === Number.POSITIVE_INFINITY ? null : Math.max(0, at - this.#effects.now()));
  }

  #deadAt(lane: PipeLane): number {
    return this.#paused ? Number.POSITIVE_INFINITY : lane.deadAt();
  }

  // ---- the end ----------------------------------------------------------------------------------------

  #fail(thrown: unknown): void {
    if (!(thrown instanceof FairleadError)) throw thrown;
    if (this.#state === "ended") return;
    for (const lane of this.#lanes.values()) {
      this.#send(lane, [encodeEnd(lane.numberOut, this.#out.sent, thrown.code)]);
    }
    this.#end(thrown, "close");
  }

  #end(error: FairleadError | null, how: "close" | "terminate"): void {
    if (this.#state === "ended") return;
    this.#move("ended");
    const lanes = [...this.#lanes.values()];
    this.#lanes = new Map();
    for (const lane of lanes) this.#effects[how](lane.id);
    this.#out.clear();
    this.#in.clear();
    this.#effects.alarm(null);
    this.#effects.ended(error);
  }

  /** For after calls that may have ended it, where the compiler believes otherwise. */
  #isEnded(): boolean {
    return this.#state === "ended";
  }

  /** The only place that changes the state. */
  #move(next: PipeState): void {
    if (!mayMove(this.#state, next)) throw new RangeError(`no move from ${this.#state} to ${next}`);
    this.#state = next;
    this.#effects.moved(next);
  }
}
