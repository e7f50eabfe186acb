/** The layers under the streams of a session: lanes, a carrier over the lanes, and TLS over the carrier. */
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { DEFAULT_WINDOW_BYTES, type Preface, UNPROVEN_WINDOW_BYTES } from "../../protocol/carrier/index.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { MemoryAccount } from "../../protocol/memory-budget.ts";
import { RESUME_KEY_BYTES, RESUME_KEY_LABEL } from "../../protocol/session/resume-proof.ts";
import type { Encryption, Invitation } from "../../protocol/uplink/messages.ts";
import { CarrierV1 } from "./carrier-v1.ts";
import { CarrierV2, type CarrierV2Options } from "./carrier-v2.ts";
import type { LaneHandshake } from "./lane-handshake.ts";
import type { LaneRecovery } from "./lane-recovery.ts";
import type { SessionLimits } from "./limits.ts";
import { openTls, type SessionIdentity } from "./tls.ts";

export interface TransportOptions {
  readonly invitation: Invitation;
  readonly role: "client" | "server";
  readonly encryption: Encryption;
  readonly identity: SessionIdentity;
  readonly limits: SessionLimits;
  readonly memory: MemoryAccount;
  readonly lanes: LaneRecovery;
  /** Callbacks of a carrier of version 2. */
  readonly carrier: Pick<CarrierV2Options, "idle" | "lanesNeeded" | "stateChanged" | "roundTripMeasured">;
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #closed = Promise.withResolvers<void>();
  #carrier: CarrierV1 | CarrierV2 | null = null;
  /** TLS over the carrier, or with hop encryption the carrier. */
  #channel: Duplex | null = null;
  #isOver = false;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The carrier, when it is of version 2, which outlives its lanes. */
  get carrierV2(): CarrierV2 | null {
    return this.#carrier instanceof CarrierV2 ? this.#carrier : null;
  }

  /** Count of joined lanes. */
  get lanes(): number {
    if (this.#isOver || this.#carrier === null) return 0;
    return this.carrierV2?.lanes ?? 1;
  }

  /** The error that ended the carrier; null before. */
  get failure(): FairleadError | null {
    return this.#carrier?.failure ?? null;
  }

  /** Resolves when the transport has ended and the last lane is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Opens the first lane, and the carrier and TLS over it. Resolves with the channel for the streams.
   * @throws FairleadError `lane.*`, `ticket.*`, `session.*`; {@link failure} has the reason that the peer
   * gave.
   */
  async open(): Promise<Duplex> {
    const { invitation, role, encryption, identity, lanes } = this.#options;
    const { handshake, result } = await lanes.dialFirst();
    if (this.#isOver) {
      const closed = new FairleadError("session.closed");
      handshake.abort(closed);
      throw closed;
    }
    if (result.version === 1) this.#carrier = new CarrierV1(handshake);
    else {
      const { limits, memory } = this.#options;
      const carrier = new CarrierV2({
        ...this.#options.carrier,
        memory,
        replayBytes: limits.replayBytes,
        roundTripMs: limits.roundTripMs,
        windowBytes: DEFAULT_WINDOW_BYTES,
        unprovenBytes: UNPROVEN_WINDOW_BYTES,
      });
      this.#carrier = carrier;
      carrier.join(handshake, invitation.generation, result.preface);
      lanes.dialRest();
    }
    if (encryption === "hop") {
      // Only the edge's invitation vouches for the peer.
      this.carrierV2?.proven();
      this.#channel = this.#carrier;
      return this.#channel;
    }
    const tls = await openTls(this.#carrier, { role, identity, peerSite: invitation.peer.site });
    this.carrierV2?.proven();
    lanes.setKey(this.#exportKey(tls));
    // Set even if the session ended meanwhile: the channel is closed with its carrier.
    this.#channel = tls;
    return tls;
  }

  /** Adds a further lane, whose proof was verified. */
  join(handshake: LaneHandshake, generation: number, preface: Preface): void {
    if (this.carrierV2 === null) handshake.abort(new FairleadError("session.closed"));
    else this.carrierV2.join(handshake, generation, preface);
  }

  /** Ends the transport before it carried streams, and sends the peer the reason. */
  abort(error: FairleadError): void {
    this.#isOver = true;
    this.#carrier?.abort(error);
    this.#awaitClose();
  }

  /** Ends the transport after the last frames have been sent. */
  finish(): void {
    this.#isOver = true;
    const carrier = this.#carrier;
    const channel = this.#channel;
    if (carrier !== null && channel !== null) {
      const leave = (): void => {
        clearTimeout(timer);
        channel.destroy();
        carrier.destroy();
      };
      const timer = setTimeout(leave, this.#options.limits.lingerMs);
      if (channel.destroyed || carrier.destroyed) leave();
      else channel.end(leave);
    }
    this.#awaitClose();
  }

  #awaitClose(): void {
    const carrier = this.#carrier;
    if (carrier === null || carrier.closed) this.#closed.resolve();
    else carrier.once("close", () => this.#closed.resolve());
  }

  #exportKey(tls: TLSSocket): Buffer {
    const context = Buffer.from(this.#options.invitation.session);
    return tls.exportKeyingMaterial(RESUME_KEY_BYTES, RESUME_KEY_LABEL, context);
  }
}
