/** Carrier version 2 as a Node Duplex: the pipe of protocol/carrier/carrier.ts with lanes, a clock and a timer. */
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
import { bytesPassed } from "./gc-pacing.ts";
import type { Meeting } from "./lane-handshake.ts";

type WriteDone = (error?: Error | null) => void;

/** How long the last bytes may take once nobody reads or writes any more, ms. */
const LINGER_MS = 2000;

export interface PipeCarrierOptions extends CarrierLimits {
  /** Lanes of a higher generation are wanted; told once until one joins. */
  wantLane: (reason: LaneReason) => void;
  /** Whether nothing above needs the pipe. */
  idle: () => boolean;
  moved: (state: CarrierState) => void;
  /** A round trip took so long, ms. */
  measured: (ms: number) => void;
}

/** @see CarrierControl */
export class PipeCarrier extends Duplex implements CarrierControl {
  readonly version = 2;
  readonly #pipe: Carrier;
  readonly #lanes = new Map<number, Lane>();
  #nextLane = 1;
  #timer: NodeJS.Timeout | undefined;
  #failure: FairleadError | null = null;
  #writeDone: WriteDone | null = null;
  /** Called when the pipe has ended. */
  #whenEnded: (() => void) | null = null;

  constructor(options: PipeCarrierOptions) {
    super({ allowHalfOpen: true, autoDestroy: false, readableHighWaterMark: 256 * 1024 });
    this.on("error", () => {});
    this.#pipe = new Carrier(
      {
        now: () => performance.now(),
        alarm: (ms) => this.#alarm(ms),
        send: (lane, pieces) => {
          for (const piece of pieces) bytesPassed(piece.length);
          return this.#lanes.get(lane)?.send(pieces) ?? true;
        },
        deliver: (bytes) => this.destroyed || this.push(bytes),
        drained: () => this.#drained(),
        pause: (lane, paused) => this.#lanes.get(lane)?.[paused ? "pause" : "resume"](),
        wantLane: options.wantLane,
        close: (lane) => this.#release(lane)?.close(this.#failure ?? undefined),
        terminate: (lane) => this.#release(lane)?.terminate(),
        idle: options.idle,
        moved: options.moved,
        measured: options.measured,
        ended: (error) => this.#ended(error),
      },
      options,
    );
  }

  get failure(): FairleadError | null {
    return this.#failure;
  }
  /** How the pipe stands. Not `state`: that name is a Duplex's own. */
  get pipeState(): CarrierState {
    return this.#pipe.state;
  }
  /** Bytes received in order. */
  get received(): number {
    return this.#pipe.received;
  }
  get lanes(): number {
    return this.#pipe.lanes;
  }
  /** ms; null before it was measured. */
  get rtt(): number | null {
    return this.#pipe.rtt;
  }
  /** How long nothing came from the peer, ms; null before something did. */
  get silentMs(): number | null {
    const { heardAt } = this.#pipe;
    return heardAt === null ? null : performance.now() - heardAt;
  }
  get held(): Carrier["held"] {
    return this.#pipe.held;
  }

  /** Takes a lane on which the prefaces have met, and whose proof was checked. */
  join(meeting: Meeting, generation: number, preface: Preface): void {
    const id = this.#nextLane++;
    this.#lanes.set(id, meeting.lane);
    this.#pipe.laneJoined(id, generation, preface);
    meeting.take({
      bytes: (message) => {
        bytesPassed(message.length);
        this.#pipe.receive(id, message);
      },
      drained: () => this.#pipe.laneDrained(id),
      closed: () => {
        // Why does not matter: it is lost, whoever ended it. The pipe's own end comes as a message.
        if (this.#release(id) !== undefined) this.#pipe.laneLost(id);
      },
    });
  }

  /** The peer is who it should be: from here on, the whole window is kept for it. */
  proven(): void {
    this.#pipe.proven();
  }

  /** Lets the lanes go if nothing is under way and the peer agrees. */
  park(): boolean {
    return this.#pipe.park();
  }

  /** A parked pipe wants lanes again. */
  wake(): void {
    this.#pipe.wake();
  }

  abort(error: FairleadError): void {
    this.#failure ??= error;
    this.#pipe.abort(error);
  }

  // ---- effects ----------------------------------------------------------------------------------------

  #alarm(ms: number | null): void {
    clearTimeout(this.#timer);
    if (ms !== null) this.#timer = setTimeout(() => this.#pipe.tick(), ms).unref();
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
    this.#pipe.resume();
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
    // Writing may end the pipe, and it may be drained before it returns: `done` is called once.
    if (this.#pipe.write(chunks)) this.#drained();
  }

  override _final(done: WriteDone): void {
    this.#pipe.end();
    done();
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    this.#drained();
    const finish = (): void => {
      clearTimeout(timer);
      done(error);
    };
    const reason = () => asFairleadError(error ?? new FairleadError("session.closed"), "session.lost");
    // The last bytes, which say why, get some time.
    const timer = setTimeout(() => this.#pipe.abort(reason()), LINGER_MS);
    if (this.#pipe.state === "ended") {
      finish();
      return;
    }
    this.#whenEnded = finish;
    if (error === null && this.#pipe.state === "up") this.#pipe.end();
    else this.#pipe.abort(reason());
  }
}
