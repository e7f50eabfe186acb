/** What the streams of a session are on: lanes, the carrier over them, TLS over that. Opened once, and let go. */
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { DEFAULT_WINDOW_BYTES, type Preface, UNPROVEN_WINDOW_BYTES } from "../../protocol/carrier/index.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { MemoryAccount } from "../../protocol/memory-budget.ts";
import { RESUME_KEY_BYTES, RESUME_KEY_LABEL } from "../../protocol/session/resume-proof.ts";
import type { Encryption, Invitation } from "../../protocol/uplink/messages.ts";
import { PipeCarrier, type PipeCarrierOptions } from "./carrier.ts";
import { LaneCarrier } from "./carrier-v1.ts";
import type { Meeting } from "./lane-handshake.ts";
import type { Lanes } from "./lane-recovery.ts";
import type { SessionLimits } from "./limits.ts";
import { type SessionIdentity, secure } from "./tls.ts";

export interface TransportOptions {
  readonly invitation: Invitation;
  readonly role: "client" | "server";
  readonly encryption: Encryption;
  readonly identity: SessionIdentity;
  readonly limits: SessionLimits;
  readonly memory: MemoryAccount;
  readonly lanes: Lanes;
  /** What a carrier that outlives its lanes tells and asks. */
  readonly pipe: Pick<PipeCarrierOptions, "idle" | "wantLane" | "moved" | "measured">;
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #gone = Promise.withResolvers<void>();
  #carrier: LaneCarrier | PipeCarrier | null = null;
  /** TLS over the carrier, or with hop encryption the carrier. */
  #channel: Duplex | null = null;
  #over = false;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The carrier, where it outlives its lanes. */
  get pipe(): PipeCarrier | null {
    return this.#carrier instanceof PipeCarrier ? this.#carrier : null;
  }

  /** Lanes joined now. */
  get lanes(): number {
    if (this.#over || this.#carrier === null) return 0;
    return this.pipe === null ? 1 : this.pipe.lanes;
  }

  /** Why the carrier failed; null while it did not. */
  get failure(): FairleadError | null {
    return this.#carrier?.failure ?? null;
  }

  /** Resolves when it has been let go and the last lane is gone. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /**
   * Opens the first lane and makes carrier and TLS on it. Resolves with what streams can be put on.
   * @throws FairleadError lane.*, ticket.*, session.*; see {@link failure} for what the other side said.
   */
  async open(): Promise<Duplex> {
    const { invitation, role, encryption, identity, lanes } = this.#options;
    const { meeting, met } = await lanes.first();
    if (this.#over) {
      const closed = new FairleadError("session.closed");
      meeting.abort(closed);
      throw closed;
    }
    if (met.version === 1) this.#carrier = new LaneCarrier(meeting);
    else {
      const { limits, pipe, memory } = this.#options;
      const carrier = new PipeCarrier({
        ...{ ...pipe, memory, replayBytes: limits.replayBytes, roundTripMs: limits.roundTripMs },
        windowBytes: DEFAULT_WINDOW_BYTES,
        unprovenBytes: UNPROVEN_WINDOW_BYTES,
      });
      this.#carrier = carrier;
      carrier.join(meeting, invitation.generation, met.preface);
      lanes.dialRest();
    }
    if (encryption === "hop") {
      // Nothing will prove the peer but the edge, which invited it.
      this.pipe?.proven();
      this.#channel = this.#carrier;
      return this.#channel;
    }
    const tls = await secure(this.#carrier, { role, identity, peerSite: invitation.peer.site });
    this.pipe?.proven();
    lanes.setKey(this.#exportKey(tls));
    // Kept when the session has ended meanwhile, too: it is closed with the carrier below it.
    this.#channel = tls;
    return tls;
  }

  /** A further lane is ready, its proof good. */
  join(meeting: Meeting, generation: number, preface: Preface): void {
    if (this.pipe === null) meeting.abort(new FairleadError("session.closed"));
    else this.pipe.join(meeting, generation, preface);
  }

  /** Lets it go before there were streams, telling the other side why. */
  abort(error: FairleadError): void {
    this.#over = true;
    this.#carrier?.abort(error);
    this.#leave();
  }

  /** Ends TLS, or the carrier, behind the last frames, then lets the lane go. */
  finish(): void {
    this.#over = true;
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
    this.#leave();
  }

  #leave(): void {
    const carrier = this.#carrier;
    if (carrier === null || carrier.closed) this.#gone.resolve();
    else carrier.once("close", () => this.#gone.resolve());
  }

  #exportKey(tls: TLSSocket): Buffer {
    const context = Buffer.from(this.#options.invitation.session);
    return tls.exportKeyingMaterial(RESUME_KEY_BYTES, RESUME_KEY_LABEL, context);
  }
}
