/**
 * The session of a door with one instance: one lane, a carrier over it, and streams on the carrier, without TLS
 * (docs/protocol.md, "The public door"). It is not resumed: a lane that ends takes the session with it.
 */
import { Carrier, encodePreface, readPreface } from "../../protocol/carrier/index.ts";
import { encodeBase64Url } from "../../protocol/encoding.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { compareInstances, type InstanceId } from "../../protocol/instance-id.ts";
import type { MemoryAccount } from "../../protocol/memory-budget.ts";
import { RESUME_KEY_BYTES } from "../../protocol/session/resume-proof.ts";
import { DOOR_WEBSOCKET_FEATURE, SESSION_FEATURES } from "../../protocol/streams/features.ts";
import { Multiplexer } from "../../protocol/streams/multiplexer.ts";
import type { Stream, StreamHandler } from "../../protocol/streams/stream.ts";
import { TIME_LIMITS } from "../../protocol/time-limits.ts";
import { DoorLane } from "./door-lane.ts";

/** A door speaks the version of the carrier that bounds unacknowledged bytes. */
const CARRIER = { min: 2, max: 2 } as const;
/** Bytes that a door keeps unacknowledged, which is what can wait in its socket; and that it takes out of order. */
const WINDOW_BYTES = 4 * 1024 * 1024;
/** Window of each stream at its start, bytes. */
const STREAM_WINDOW = 256 * 1024;
/** What the windows of a session may have above {@link STREAM_WINDOW} together, bytes. */
const WINDOW_BUDGET = 16 * 1024 * 1024;
/** Time without streams after which the session ends, ms. Then the object has no socket, and can be evicted. */
const IDLE_MS = 60_000;
const SOFTWARE = "fairlead-door";

export interface DoorSessionOptions {
  /** Id of the session. */
  readonly session: string;
  readonly peer: InstanceId;
  /** The door's id in place of a site's, and its boot id. */
  readonly self: InstanceId;
  readonly memory: MemoryAccount;
  /** The session has ended. Called once. */
  readonly ended: (error: FairleadError) => void;
  readonly idleMs?: number | undefined;
}

export class DoorSession {
  readonly peer: InstanceId;
  readonly #options: DoorSessionOptions;
  readonly #up = Promise.withResolvers<void>();
  readonly #lane: DoorLane;
  readonly #carrier: Carrier;
  readonly #streams: Multiplexer;
  #handshake: "waiting" | "done" = "waiting";
  #state: "opening" | "up" | "draining" | "ended" = "opening";
  #alarm: ReturnType<typeof setTimeout> | null = null;
  #idle: ReturnType<typeof setTimeout>;

  /** Begins the session on an end of a WebSocket, which was not accepted before. */
  constructor(socket: WebSocket, options: DoorSessionOptions) {
    const { peer, self, memory } = options;
    this.peer = peer;
    this.#options = options;
    this.#up.promise.catch(() => undefined);
    this.#idle = setTimeout(() => this.#end(new FairleadError("session.timeout")), TIME_LIMITS.session.least);
    this.#carrier = new Carrier(
      {
        now: () => performance.now(),
        alarm: (ms) => this.#schedule(ms),
        send: (_, pieces) => this.#lane.send(pieces),
        deliver: (bytes) => {
          this.#streams.receive(bytes);
          return true;
        },
        drained: () => this.#streams.drained(),
        pause: () => undefined,
        lanesNeeded: () => this.#end(new FairleadError("session.lost")),
        close: () => this.#lane.close(),
        terminate: () => this.#lane.terminate(),
        idle: () => false,
        stateChanged: () => undefined,
        roundTripMeasured: (ms) => this.#streams.noteRoundTrip(ms),
        ended: (error) => this.#end(error ?? new FairleadError("session.closed")),
      },
      { replayBytes: WINDOW_BYTES, windowBytes: WINDOW_BYTES, memory },
    );
    this.#streams = new Multiplexer({
      ids: compareInstances(self, peer) < 0 ? "even" : "odd",
      window: STREAM_WINDOW,
      windowBudget: WINDOW_BUDGET,
      memory,
      // A door serves no streams.
      maxStreams: 0,
      software: SOFTWARE,
      features: SESSION_FEATURES,
      resumeKey: encodeBase64Url(crypto.getRandomValues(new Uint8Array(RESUME_KEY_BYTES))),
      effects: {
        send: (chunks) => this.#carrier.write(chunks),
        schedule: () => queueMicrotask(() => this.#streams.flush()),
      },
      events: {
        ready: () => this.#ready(),
        opened: (stream) => {
          stream.reset(new FairleadError("stream.limit"));
          return IGNORING;
        },
        busy: (busy) => this.#busy(busy),
        goaway: () => this.#draining(),
        ended: (error) => this.#end(error),
      },
    });
    this.#lane = new DoorLane(socket, {
      text: (message) => this.#receivePreface(message),
      bytes: (message) => {
        if (this.#handshake === "done") this.#carrier.receive(1, message);
        else this.#end(new FairleadError("session.malformed"));
      },
      closed: () => this.#end(new FairleadError("session.lost")),
    });
    const { site, boot } = self;
    this.#lane.sendText(
      encodePreface({
        ...{ carrier: CARRIER, session: options.session, generation: 1, site, boot },
        window: WINDOW_BYTES,
      }),
    );
  }

  /** Resolves when streams can be opened; rejects with the error that ended the session before. */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  /** Whether the connector joins WebSockets of clients with those of its targets. */
  get joinsWebSockets(): boolean {
    return this.#streams.peerFeatures.includes(DOOR_WEBSOCKET_FEATURE);
  }

  /** Whether the session takes new streams. */
  get isUsable(): boolean {
    return this.#state === "up";
  }

  /** Streams open now. */
  get streams(): number {
    return this.#streams.streams;
  }

  /** Opens a stream. @throws FairleadError stream.limit, service.overloaded, session.* */
  open(service: string, kind: string, handler: StreamHandler): Stream {
    return this.#streams.open({ service, kind }, handler);
  }

  /** Opens no more streams; the session ends once its streams have ended. */
  drain(): void {
    if (this.#state !== "up") return;
    this.#streams.drain(new FairleadError("session.closed"));
    this.#draining();
  }

  /** Ends the session and its streams now. */
  close(error: FairleadError): void {
    this.#streams.fail(error);
    this.#end(error);
  }

  #receivePreface(message: string): void {
    if (this.#handshake === "done") {
      this.#end(new FairleadError("session.malformed"));
      return;
    }
    const { session, peer } = this.#options;
    try {
      const { preface } = readPreface(message, { session, generation: 1, ...peer }, CARRIER);
      this.#handshake = "done";
      this.#carrier.laneJoined(1, 1, preface);
      this.#carrier.proven();
    } catch (thrown) {
      this.#end(asFairleadError(thrown, "session.malformed"));
    }
  }

  #ready(): void {
    this.#state = "up";
    clearTimeout(this.#idle);
    this.#up.resolve();
    this.#busy(this.streams > 0);
  }

  #busy(busy: boolean): void {
    if (this.#state !== "up") return;
    clearTimeout(this.#idle);
    if (!busy) this.#idle = setTimeout(() => this.drain(), this.#options.idleMs ?? IDLE_MS);
  }

  /** Ends a draining session without streams even if the peer sends no GOAWAY. */
  #draining(): void {
    if (this.#state !== "up") return;
    this.#state = "draining";
    const check = (): void => {
      if (this.streams === 0) this.#end(new FairleadError("session.closed"));
      else this.#idle = setTimeout(check, TIME_LIMITS.linger.least);
    };
    clearTimeout(this.#idle);
    this.#idle = setTimeout(check, TIME_LIMITS.linger.least);
  }

  #schedule(ms: number | null): void {
    clearTimeout(this.#alarm);
    if (ms !== null) this.#alarm = setTimeout(() => this.#carrier.tick(), ms);
  }

  #end(error: FairleadError): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    clearTimeout(this.#idle);
    this.#up.reject(error);
    this.#streams.lost(error);
    // The last frames are in the carrier; what the peer does not take is lost with the lane.
    if (error.code === "session.closed") this.#carrier.end();
    else this.#carrier.abort(error);
    this.#lane.close(error.code === "session.closed" ? undefined : error);
    clearTimeout(this.#alarm);
    this.#options.ended(error);
  }
}

/** The handler of streams that were reset at once. */
const IGNORING: StreamHandler = {
  peerAccepted() {},
  data() {},
  peerFinished() {},
  drained() {},
  finished() {},
  reset() {},
};
