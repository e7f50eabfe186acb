/**
 * Carrier version 2: a reliable pipe of bytes over lanes that come and go. A state machine without sockets,
 * timers or clocks: bytes go in with {@link Carrier.write}, lanes and their messages are told to it, and what is to
 * be done comes out as {@link CarrierEffects}.
 *
 * Reading never waits for writing: what arrives is handled whatever the lanes take, and short messages (ACK,
 * PING, PONG) go out even on a lane that is full, one of each. Bytes wait for lanes that take them, then
 * {@link Carrier.write} asks its caller to wait.
 *
 * Each direction has a part of its own (sender.ts, receiver.ts), and so have the clock (watch.ts) and the state
 * (standing.ts).
 */
import { FairleadError } from "../errors.ts";
import type { CarrierState } from "./carrier-state.ts";
import type { CarrierEffects, CarrierLimits } from "./effects.ts";
import { Exchange } from "./exchange.ts";
import { LaneSet } from "./lane-set.ts";
import { LaneState } from "./lane-state.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Liveness } from "./liveness.ts";
import { MESSAGE, type Message, nextNumber, readMessage } from "./messages.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";

export class Carrier {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #lifecycle: Lifecycle;
  readonly #exchange: Exchange;
  readonly #liveness: Liveness;
  readonly #roundTripMs: number;
  /** One function for every message: a closure each would cost. */
  readonly #isUp = (): boolean => this.#lifecycle.state === "up";

  constructor(effects: CarrierEffects, limits: CarrierLimits = {}) {
    this.#effects = effects;
    this.#roundTripMs = limits.roundTripMs ?? 0;
    const lanes = new LaneSet(effects);
    const sender = new Sender(lanes, effects, limits);
    const receiver = new Receiver(lanes, effects, limits);
    this.#lanes = lanes;
    this.#sender = sender;
    this.#receiver = receiver;
    this.#lifecycle = new Lifecycle(effects, lanes, sender, receiver);
    this.#exchange = new Exchange(effects, lanes, sender, receiver, this.#lifecycle);
    this.#liveness = new Liveness(effects, lanes, sender, receiver);
  }

  get state(): CarrierState {
    return this.#lifecycle.state;
  }
  /** Bytes received in order: what a preface says. */
  get received(): number {
    return this.#receiver.received;
  }
  /** Bytes given to lanes. */
  get sent(): number {
    return this.#sender.sent;
  }
  get generation(): number {
    return this.#lifecycle.generation;
  }
  get lanes(): number {
    return this.#lanes.size;
  }
  /** Bytes kept for the peer, and bytes of the peer kept for want of earlier ones. */
  get held(): { readonly out: number; readonly in: number } {
    return { out: this.#sender.retained, in: this.#receiver.held };
  }
  /** Memory that bytes kept for want of earlier ones take. */
  get cost(): number {
    return this.#receiver.cost;
  }
  /** Smoothed round trip of the fastest lane, ms; null before it was measured. */
  get rtt(): number | null {
    return this.#lanes.rtt;
  }

  /** When something last came on any lane, by the effects' clock, ms; null before that. */
  get heardAt(): number | null {
    return this.#lanes.heardAt;
  }

  // ---- what the user does -----------------------------------------------------------------------------

  /** Takes chunks, which must not change any more; false asks to wait for `drained`. */
  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#isEnded() || this.#sender.ending) return true;
    try {
      this.#sender.push(chunks);
    } catch (error) {
      this.#fail(error);
      return true;
    }
    this.#lifecycle.used();
    this.wake();
    this.#flush();
    const wait = this.#sender.pushBack();
    this.#plan();
    return !wait;
  }

  /** After `deliver` returned false: reads on. */
  resume(): void {
    if (this.#receiver.resume()) this.#plan();
  }

  /** TLS has proven the peer, or nothing will: from here on the whole window is kept for it. */
  proven(): void {
    this.#receiver.proven();
  }

  /** Ends the pipe once the peer has everything. */
  end(): void {
    if (this.#isEnded() || this.#sender.ending) return;
    this.#sender.end();
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
    const { state } = this.#lifecycle;
    if (state === "parking" || state === "parked") return true;
    if (!this.#lifecycle.park()) return false;
    this.#plan();
    return true;
  }

  /** A parked pipe wants lanes again. */
  wake(): void {
    this.#lifecycle.wake();
  }

  // ---- what lanes do ----------------------------------------------------------------------------------

  /**
   * A lane is open and the prefaces were exchanged. A higher generation takes the place of all lanes of lower
   * ones at once; one of a lower generation is terminated.
   */
  laneJoined(id: number, generation: number, peer: { received: number; window?: number }): void {
    if (this.#isEnded() || generation < this.#lifecycle.generation) {
      this.#effects.terminate(id);
      return;
    }
    this.#sender.laneJoined(peer.window);
    this.#lifecycle.joined(
      new LaneState(id, generation, this.#effects.now(), this.#liveness.patience, this.#roundTripMs),
    );
    try {
      this.#sender.acknowledged(peer.received);
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
    if (lane === undefined || this.#isEnded()) return;
    this.#lifecycle.drop(lane, null);
    if (this.#finished()) return;
    this.#lifecycle.lacking("lost");
    this.#flush();
    this.#plan();
  }

  /** A lane takes messages again. */
  laneDrained(id: number): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined || this.#isEnded()) return;
    lane.full = false;
    lane.squeezed = false;
    this.#exchange.pay(lane);
    this.#flush();
    this.#plan();
  }

  /** A message came. What is wrong with it ends the pipe. */
  receive(id: number, bytes: Uint8Array): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined || this.#isEnded()) return;
    lane.heardAt = this.#effects.now();
    if (lane.silent && this.#lifecycle.heardAgain(lane)) this.#flush();
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
    if (this.#isEnded()) return;
    const now = this.#effects.now();
    this.#liveness.rang(now);
    for (const lane of this.#liveness.check(now, this.#lifecycle.awaiting)) this.#lifecycle.silent(lane);
    this.#flush();
    this.#plan();
  }

  // ---- messages ---------------------------------------------------------------------------------------

  #handle(lane: LaneState, message: Message): void {
    if (message.type === MESSAGE.data) {
      this.#receiveData(message.offset, message.bytes);
      return;
    }
    const end = this.#exchange.take(lane, message);
    if (end !== null) this.#end(end);
    if (this.#isEnded() || this.#finished()) return;
    this.#flush();
    this.#plan();
  }

  #receiveData(offset: number, bytes: Uint8Array): void {
    this.#lifecycle.used();
    this.#receiver.take(offset, bytes);
    // The reader may have ended the pipe.
    if (this.#isEnded() || this.#finished()) return;
    if (this.#receiver.noteArrival()) this.#plan();
  }

  /** Sends what can be sent. */
  #flush(): void {
    if (!this.#isUp()) return;
    this.#sender.flush(this.#isUp);
    if (!this.#isUp()) return;
    this.#finished();
    this.#sender.release();
  }

  #plan(): void {
    if (!this.#isEnded()) this.#liveness.plan(this.#lifecycle.awaiting);
  }

  // ---- the end ----------------------------------------------------------------------------------------

  /** Ends the pipe when one side's end is reached. True when it has ended. */
  #finished(): boolean {
    if (this.#isEnded()) return true;
    if (this.#receiver.finished) this.#receiver.acknowledge();
    else if (!this.#sender.finished) return false;
    this.#end(null);
    return true;
  }

  #fail(thrown: unknown): void {
    if (!(thrown instanceof FairleadError)) throw thrown;
    if (this.#isEnded()) return;
    this.#exchange.sayEnd(thrown.code);
    this.#end(thrown);
  }

  #end(error: FairleadError | null): void {
    if (this.#isEnded()) return;
    this.#lifecycle.move("ended");
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
