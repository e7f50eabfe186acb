/**
 * Carrier version 2: a reliable byte stream over lanes that come and go (docs/protocol.md, "Version 2").
 *
 * A state machine without sockets, timers or clocks. Its owner writes bytes, reports lanes and their
 * messages, and carries out {@link CarrierEffects}.
 *
 * Reading never waits for writing: arriving messages are handled whatever the lanes take, and short messages
 * (ACK, PING, PONG) are sent even on a full lane, one of each. Bytes wait for writable lanes; then
 * {@link Carrier.write} exerts backpressure. So no two carriers can block each other.
 */
import { FairleadError, isErrorCode } from "../errors.ts";
import type { CarrierState } from "./carrier-state.ts";
import type { CarrierEffects, CarrierLimits } from "./effects.ts";
import { LaneSet } from "./lane-set.ts";
import { LaneState } from "./lane-state.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Liveness } from "./liveness.ts";
import { encodeEnd, encodePong, MESSAGE, type Message, nextNumber, readMessage } from "./messages.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";

/** One carrier of version 2. */
export class Carrier {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #lifecycle: Lifecycle;
  readonly #liveness: Liveness;
  readonly #roundTripMs: number;
  /** One function for all messages; a closure for each would cost. */
  readonly #isUp = (): boolean => this.#lifecycle.state === "up";

  constructor(effects: CarrierEffects, limits: CarrierLimits = {}) {
    this.#effects = effects;
    this.#roundTripMs = limits.roundTripMs ?? 0;
    this.#lanes = new LaneSet(effects);
    this.#sender = new Sender(this.#lanes, effects, limits);
    this.#receiver = new Receiver(this.#lanes, effects, limits);
    this.#lifecycle = new Lifecycle(effects, this.#lanes, this.#sender, this.#receiver);
    this.#liveness = new Liveness(effects, this.#lanes, this.#sender, this.#receiver);
  }

  /** The state of the carrier. */
  get state(): CarrierState {
    return this.#lifecycle.state;
  }
  /** Bytes received in order, as the preface of a new lane says. */
  get received(): number {
    return this.#receiver.received;
  }
  /** Bytes sent at least once. */
  get sent(): number {
    return this.#sender.sent;
  }
  /** The highest generation of lanes so far; 0 before the first. */
  get generation(): number {
    return this.#lifecycle.generation;
  }
  /** The number of lanes, silent ones included. */
  get lanes(): number {
    return this.#lanes.size;
  }
  /** Bytes buffered: unacknowledged ones of this side, and those of the peer that wait for earlier ones. */
  get held(): { readonly out: number; readonly in: number } {
    return { out: this.#sender.retained, in: this.#receiver.held };
  }
  /** Memory that the peer's waiting bytes take, bytes. */
  get cost(): number {
    return this.#receiver.cost;
  }
  /** Smoothed round trip of the fastest lane, ms; null before the first measurement. */
  get rtt(): number | null {
    return this.#lanes.rtt;
  }
  /** When a message last arrived on any lane, by the effects' clock, ms; null before the first. */
  get lastReceivedAt(): number | null {
    return this.#lanes.lastReceivedAt;
  }

  // ---- called by the layer above ----------------------------------------------------------------------

  /**
   * Sends chunks, which the caller must not change afterwards. Returns false for backpressure until
   * `drained`.
   */
  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#isEnded() || this.#sender.ending) return true;
    try {
      this.#sender.push(chunks);
    } catch (error) {
      this.#fail(error);
      return true;
    }
    this.#lifecycle.cancelParking();
    this.unpark();
    this.#flush();
    const mustWait = this.#sender.checkBackpressure();
    this.#schedule();
    return !mustWait;
  }

  /** Restarts reading, after `deliver` returned false. */
  resume(): void {
    if (this.#receiver.resume()) this.#schedule();
  }

  /** Accepts the peer's whole window: TLS has proven the peer, or there is no TLS. */
  proven(): void {
    this.#receiver.proven();
  }

  /** Ends the carrier once the peer has received everything. */
  end(): void {
    if (this.#isEnded() || this.#sender.ending) return;
    this.#sender.end();
    this.unpark();
    this.#flush();
    this.#schedule();
  }

  /** Ends the carrier at once. Sends the peer the error's code on every lane. */
  abort(error: FairleadError): void {
    this.#fail(error);
  }

  /** Begins to release the lanes, which the peer must agree to. Returns false while bytes are in flight. */
  park(): boolean {
    const { state } = this.#lifecycle;
    if (state === "parking" || state === "parked") return true;
    if (!this.#lifecycle.park()) return false;
    this.#schedule();
    return true;
  }

  /** Requests lanes, if the carrier is parked. */
  unpark(): void {
    this.#lifecycle.unpark();
  }

  // ---- called by the lanes ----------------------------------------------------------------------------

  /**
   * Takes a lane whose prefaces were exchanged. A higher generation replaces all lanes of lower ones at once;
   * a lane of a lower generation is terminated.
   */
  laneJoined(id: number, generation: number, peer: { received: number; window?: number }): void {
    if (this.#isEnded() || generation < this.#lifecycle.generation) {
      this.#effects.terminate(id);
      return;
    }
    this.#sender.laneJoined(peer.window);
    const { silenceFactor } = this.#liveness;
    const lane = new LaneState(id, generation, this.#effects.now(), silenceFactor, this.#roundTripMs);
    this.#lifecycle.laneJoined(lane);
    try {
      this.#sender.receiveAck(peer.received);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#flush();
    this.#schedule();
  }

  /** A lane closed, for any reason. Not called for lanes that the carrier closed itself. */
  laneLost(id: number): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined || this.#isEnded()) return;
    this.#lifecycle.removeLane(lane, null);
    if (this.#checkFinished()) return;
    this.#lifecycle.replaceLane("lost");
    this.#flush();
    this.#schedule();
  }

  /** A full lane takes messages again. */
  laneDrained(id: number): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined || this.#isEnded()) return;
    lane.full = false;
    lane.ackedWhileFull = false;
    this.#receiver.sendPendingAck();
    const pong = lane.pendingPong;
    lane.pendingPong = null;
    if (pong !== null) this.#sendPong(lane, pong);
    this.#flush();
    this.#schedule();
  }

  /** Takes a message of a lane. A message against the rules ends the carrier. */
  receive(id: number, bytes: Uint8Array): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined || this.#isEnded()) return;
    lane.lastReceivedAt = this.#effects.now();
    if (lane.silent && this.#lifecycle.laneRecovered(lane)) this.#flush();
    try {
      const message = readMessage(bytes, lane.numberIn);
      lane.numberIn = nextNumber(lane.numberIn);
      if (message !== null) this.#handle(lane, message);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Handles the alarm. */
  tick(): void {
    if (this.#isEnded()) return;
    const now = this.#effects.now();
    this.#liveness.alarmFired(now);
    for (const lane of this.#liveness.probe(now, this.#lifecycle.expectsReply)) {
      this.#lifecycle.laneSilent(lane);
    }
    this.#flush();
    this.#schedule();
  }

  // ---- messages ---------------------------------------------------------------------------------------

  #handle(lane: LaneState, message: Message): void {
    switch (message.type) {
      case MESSAGE.data:
        this.#receiveData(message.offset, message.bytes);
        return;
      case MESSAGE.end:
        this.#receiveEnd(message.sent, message.code);
        break;
      case MESSAGE.pong:
        this.#receivePong(lane, message.id, message.received);
        this.#sender.receiveAck(message.received);
        break;
      case MESSAGE.park:
        this.#sender.receiveAck(message.received);
        this.#lifecycle.receivePark(message.sent, message.received);
        break;
      case MESSAGE.ping:
        this.#sender.receiveAck(message.received);
        if (lane.full) lane.pendingPong = message.id;
        else this.#sendPong(lane, message.id);
        break;
      default:
        this.#sender.receiveAck(message.received);
    }
    if (this.#isEnded() || this.#checkFinished()) return;
    this.#flush();
    this.#schedule();
  }

  #receiveData(offset: number, bytes: Uint8Array): void {
    this.#lifecycle.cancelParking();
    this.#receiver.receive(offset, bytes);
    // The reader may have ended the carrier.
    if (this.#isEnded() || this.#checkFinished()) return;
    if (this.#receiver.scheduleAck()) this.#schedule();
  }

  #receivePong(lane: LaneState, id: number, received: number): void {
    const roundTrip = lane.receivePong(id, this.#effects.now(), received);
    if (roundTrip === null) return;
    this.#sender.noteRoundTrip(roundTrip);
    this.#effects.roundTripMeasured(roundTrip.ms);
  }

  #receiveEnd(sent: number, code: string): void {
    if (code === "") {
      this.#receiver.receiveEnd(sent);
      return;
    }
    const known = isErrorCode(code) ? code : "session.lost";
    this.#end(new FairleadError(known, `The peer ended the session: ${code}.`));
  }

  #sendPong(lane: LaneState, id: number): void {
    this.#lanes.send(lane, [encodePong(lane.numberOut, id, this.#receiver.received)]);
  }

  /** Sends what the lanes take. */
  #flush(): void {
    if (!this.#isUp()) return;
    this.#sender.flush(this.#isUp);
    if (!this.#isUp()) return;
    this.#checkFinished();
    this.#sender.releaseWriter();
  }

  #schedule(): void {
    if (!this.#isEnded()) this.#liveness.schedule(this.#lifecycle.expectsReply);
  }

  // ---- the end ----------------------------------------------------------------------------------------

  /** Ends the carrier when either side's END is reached. Returns whether the carrier has ended. */
  #checkFinished(): boolean {
    if (this.#isEnded()) return true;
    if (this.#receiver.finished) this.#receiver.acknowledge();
    else if (!this.#sender.finished) return false;
    this.#end(null);
    return true;
  }

  /** Ends the carrier with an error, and sends its code on every lane. */
  #fail(thrown: unknown): void {
    if (!(thrown instanceof FairleadError)) throw thrown;
    if (this.#isEnded()) return;
    for (const lane of this.#lanes.all()) {
      this.#lanes.send(lane, [encodeEnd(lane.numberOut, this.#sender.sent, thrown.code)]);
    }
    this.#end(thrown);
  }

  #end(error: FairleadError | null): void {
    if (this.#isEnded()) return;
    this.#lifecycle.transition("ended");
    for (const lane of this.#lanes.clear()) this.#effects.close(lane.id);
    this.#sender.clear();
    this.#receiver.clear();
    this.#effects.alarm(null);
    this.#effects.ended(error);
  }

  #isEnded(): boolean {
    return this.#lifecycle.state === "ended";
  }
}
