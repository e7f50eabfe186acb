/** Carrier version 2 as a Node Duplex. It connects `Carrier` of protocol/ to lanes, a clock and a timer. */
import { Duplex } from "node:stream";
import {
  Carrier,
  type CarrierControl,
  type CarrierLimits,
  type CarrierState,
  type Lane,
  type LaneReason,
  type Preface,
} from "../../protocol/carrier/index.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { gcPacing } from "./gc-pacing.ts";
import type { LaneHandshake } from "./lane-handshake.ts";

type WriteDone = (error?: Error | null) => void;

/** Time for the last bytes to leave after the Duplex is destroyed, ms. */
const LINGER_MS = 2000;

export interface CarrierV2Options extends CarrierLimits {
  /** Requests lanes of a higher generation. Called once until one joins. */
  lanesNeeded: (reason: LaneReason) => void;
  /** Whether the layers above need no lane. */
  idle: () => boolean;
  stateChanged: (state: CarrierState) => void;
  /** Reports a measured round trip, ms. */
  roundTripMeasured: (ms: number) => void;
}

export class CarrierV2 extends Duplex implements CarrierControl {
  readonly version = 2;
  readonly #carrier: Carrier;
  readonly #lanes = new Map<number, Lane>();
  #nextLane = 1;
  #timer: NodeJS.Timeout | undefined;
  #failure: FairleadError | null = null;
  #writeDone: WriteDone | null = null;
  /** Called when the carrier has ended. */
  #whenEnded: (() => void) | null = null;

  constructor(options: CarrierV2Options) {
    super({ allowHalfOpen: true, autoDestroy: false, readableHighWaterMark: 256 * 1024 });
    this.on("error", () => {});
    this.#carrier = new Carrier(
      {
        now: () => performance.now(),
        alarm: (ms) => this.#alarm(ms),
        send: (lane, pieces) => {
          for (const piece of pieces) gcPacing.note(piece.length);
          return this.#lanes.get(lane)?.send(pieces) ?? true;
        },
        deliver: (bytes) => this.destroyed || this.push(bytes),
        drained: () => this.#drained(),
        pause: (lane, paused) => this.#lanes.get(lane)?.[paused ? "pause" : "resume"](),
        lanesNeeded: options.lanesNeeded,
        close: (lane) => this.#release(lane)?.close(this.#failure ?? undefined),
        terminate: (lane) => this.#release(lane)?.terminate(),
        idle: options.idle,
        stateChanged: options.stateChanged,
        roundTripMeasured: options.roundTripMeasured,
        ended: (error) => this.#ended(error),
      },
      options,
    );
  }

  get failure(): FairleadError | null {
    return this.#failure;
  }
  /** The carrier's state. The name `state` belongs to Duplex. */
  get carrierState(): CarrierState {
    return this.#carrier.state;
  }
  /** Count of bytes received in order. */
  get received(): number {
    return this.#carrier.received;
  }
  get lanes(): number {
    return this.#carrier.lanes;
  }
  /** Round trip to the peer, ms; null before the first measurement. */
  get rtt(): number | null {
    return this.#carrier.rtt;
  }
  /** Time since the last message from the peer, ms; null before the first. */
  get silentMs(): number | null {
    const { lastReceivedAt } = this.#carrier;
    return lastReceivedAt === null ? null : performance.now() - lastReceivedAt;
  }
  get held(): Carrier["held"] {
    return this.#carrier.held;
  }

  /** Adds a lane whose handshake is done and whose proof was verified. */
  join(handshake: LaneHandshake, generation: number, preface: Preface): void {
    const id = this.#nextLane++;
    this.#lanes.set(id, handshake.lane);
    this.#carrier.laneJoined(id, generation, preface);
    handshake.handOver({
      bytes: (message) => {
        gcPacing.note(message.length);
        this.#carrier.receive(id, message);
      },
      drained: () => this.#carrier.laneDrained(id),
      closed: () => {
        // The reason does not matter: the lane is lost. The carrier's own end arrives as a message.
        if (this.#release(id) !== undefined) this.#carrier.laneLost(id);
      },
    });
  }

  /** Grants the peer the whole window. Call it once the peer has proved its identity. */
  proven(): void {
    this.#carrier.proven();
  }

  /** Begins to release the lanes. False while bytes are in flight. */
  park(): boolean {
    return this.#carrier.park();
  }

  /** Requests lanes for a parked carrier. */
  wake(): void {
    this.#carrier.unpark();
  }

  abort(error: FairleadError): void {
    this.#failure ??= error;
    this.#carrier.abort(error);
  }

  // ---- effects ----------------------------------------------------------------------------------------

  #alarm(ms: number | null): void {
    clearTimeout(this.#timer);
    if (ms !== null) this.#timer = setTimeout(() => this.#carrier.tick(), ms).unref();
  }

  #release(id: number): Lane | undefined {
    const lane = this.#lanes.get(id);
    this.#lanes.delete(id);
    return lane;
  }

  #drained(): void {
    const done = this.#writeDone;
    this.#writeDone = null;
    done?.();
  }

  #ended(error: FairleadError | null): void {
    this.#failure ??= error;
    const whenEnded = this.#whenEnded;
    this.#whenEnded = null;
    if (whenEnded !== null) whenEnded();
    else if (error !== null) this.destroy(error);
    else {
      this.push(null);
      this.#drained();
    }
  }

  // ---- the Duplex -------------------------------------------------------------------------------------

  override _read(): void {
    this.#carrier.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: WriteDone): void {
    this.#write([chunk], done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: WriteDone): void {
    this.#write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  #write(chunks: readonly Uint8Array[], done: WriteDone): void {
    this.#writeDone = done;
    // A write may end or drain the carrier before it returns; `#drained` calls `done` only once.
    if (this.#carrier.write(chunks)) this.#drained();
  }

  override _final(done: WriteDone): void {
    this.#carrier.end();
    done();
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    this.#drained();
    const finish = (): void => {
      clearTimeout(timer);
      done(error);
    };
    const reason = () => asFairleadError(error ?? new FairleadError("session.closed"), "session.lost");
    // The last bytes carry the reason to the peer.
    const timer = setTimeout(() => this.#carrier.abort(reason()), LINGER_MS);
    if (this.#carrier.state === "ended") {
      finish();
      return;
    }
    this.#whenEnded = finish;
    if (error === null && this.#carrier.state === "up") this.#carrier.end();
    else this.#carrier.abort(reason());
  }
}
