/**
 * Obtains the lanes of a session, which outlives them. It dials the lanes of an invitation, proves on each
 * lane that this process holds the session, and requests new invitations until a lane has joined.
 *
 *     idle ──recover──▶ requesting ──invitation──▶ dialling ──lane joined──▶ idle
 *                           ▲────── backoff ◀────── no lane ───┘
 */
import { createHmac } from "node:crypto";
import type { WebSocket } from "ws";
import { CARRIER_VERSIONS, type Preface } from "../../protocol/carrier/index.ts";
import { asFairleadError, ERRORS, type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import type { InstanceId } from "../../protocol/instance-id.ts";
import { ResumeProof } from "../../protocol/session/resume-proof.ts";
import type { Invitation } from "../../protocol/uplink/messages.ts";
import type { VersionRange } from "../../protocol/versions.ts";
import { Waiters } from "../async/waiters.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";
import { type HandshakeResult, LaneHandshake } from "./lane-handshake.ts";

/** Between two requests for lanes, ms. */
const BACKOFF = { base: 250, cap: 5000 } as const;

export interface LaneRecoveryOptions {
  /** The invitation that began the session. */
  invitation: Invitation;
  /** This instance. */
  self: InstanceId;
  /** Carrier versions that this side supports. */
  carrier?: VersionRange;
  /** Dials a lane. An aborted `signal` cancels the dial. */
  dial: (ticket: string, signal: AbortSignal) => Promise<WebSocket>;
  /** Requests lanes of a generation above this one from the registry. Rejects with a FairleadError. */
  resume: (generation: number) => Promise<Invitation>;
  /** Count of bytes received in order, for the preface. */
  received: () => number;
  /** Receive window, for the preface, bytes. */
  windowBytes: number;
  /** Time for a lane to open and to finish its handshake, ms. */
  upMs: number;
  /** Takes a lane whose proof was verified. */
  joined: (handshake: LaneHandshake, generation: number, preface: Preface) => void;
  /** The registry refused lanes for good. */
  refused: (error: FairleadError) => void;
  log: Log;
  random?: () => number;
}

/** Refusals that end the session. An edge that cannot resume sessions answers with `session.lost`. */
const FINAL: readonly ErrorCode[] = [
  "session.peer_gone",
  "session.unknown",
  "session.closed",
  "session.lost",
];

/** Whether a repeated request may succeed. */
function isTransient(error: FairleadError): boolean {
  return ERRORS[error.code].retry && !FINAL.includes(error.code);
}

/** A lane whose handshake is done. */
interface OpenLane {
  readonly handshake: LaneHandshake;
  readonly result: HandshakeResult;
}

export class LaneRecovery {
  readonly #options: LaneRecoveryOptions;
  #generation: number;
  #proof: ResumeProof | null = null;
  #isWanted = false;
  #isRequesting = false;
  #isStopped = false;
  /** Cancels the dials of the newest generation. */
  #dials = new AbortController();
  /** Handshakes that wait for the peer, with their generations. */
  readonly #handshakes = new Map<LaneHandshake, number>();
  /** Dials of the newest generation in progress. */
  #dialling = 0;
  /** Woken when a lane joined, an invitation arrived or recovery stopped. */
  readonly #waiters = new Waiters();

  constructor(options: LaneRecoveryOptions) {
    this.#options = options;
    this.#generation = options.invitation.generation;
  }

  /** The highest generation that this side has used. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether the session can continue over lanes of a higher generation. */
  get resumable(): boolean {
    return this.#proof !== null;
  }

  /** Sets the resume key, which proves lanes of higher generations. */
  setKey(key: Uint8Array): void {
    this.#proof = new ResumeProof(key, hmac);
  }

  /**
   * Opens the first lane of the session.
   * @throws FairleadError as {@link LaneHandshake.done}, or as the dial.
   */
  async dialFirst(): Promise<OpenLane> {
    const { invitation } = this.#options;
    return await this.#open(invitation.ticket, invitation.generation, 0);
  }

  /** Dials the other lanes of the first invitation. */
  dialRest(): void {
    const { invitation } = this.#options;
    this.#dialAll(invitation, 1);
  }

  /** Dials the lanes of an invitation, unless its generation was used already. */
  invited(invitation: Invitation): void {
    if (this.#isStopped || this.#proof === null || invitation.generation <= this.#generation) return;
    this.#generation = invitation.generation;
    this.#dialling = 0;
    // A lane of an older generation would be closed at once, so its dial is cancelled.
    this.#dials.abort();
    this.#dials = new AbortController();
    for (const [handshake, generation] of this.#handshakes) {
      if (generation < this.#generation) handshake.abort(new FairleadError("session.closed"));
    }
    this.#dialAll(invitation, 0);
    this.#waiters.wake();
  }

  /** Starts to request lanes, and continues until one has joined. */
  recover(): void {
    this.#isWanted = true;
    if (!this.#isRequesting) void this.#request();
  }

  /** Cancels all dials, handshakes and requests. */
  stop(): void {
    this.#isStopped = true;
    this.#dials.abort();
    this.#isWanted = false;
    for (const handshake of this.#handshakes.keys()) handshake.abort(new FairleadError("session.closed"));
    this.#waiters.wake();
  }

  // ---- requests ---------------------------------------------------------------------------------------

  async #request(): Promise<void> {
    const { resume, refused, log, random = Math.random } = this.#options;
    this.#isRequesting = true;
    const backoff = new Backoff({ ...BACKOFF, random });
    // The caller may be about to end the session, so the first request is not made within its call.
    await Promise.resolve();
    while (this.#isWanted && !this.#isStopped) {
      if (this.#dialling > 0) {
        await this.#waiters.wait(this.#options.upMs);
        continue;
      }
      try {
        const invitation = await resume(this.#generation);
        this.invited(invitation);
        if (this.#dialling > 0) continue;
      } catch (thrown) {
        const error = asFairleadError(thrown, "uplink.lost");
        if (this.#isStopped || !this.#isWanted) break;
        if (!isTransient(error)) {
          this.#isWanted = false;
          refused(error);
          break;
        }
        log.debug({ code: error.code }, `The registry granted no lanes: ${error.message}`);
      }
      await this.#waiters.wait(backoff.next());
    }
    this.#isRequesting = false;
    if (this.#isWanted && !this.#isStopped) void this.#request();
  }

  // ---- dials ------------------------------------------------------------------------------------------

  #dialAll(invitation: Invitation, from: number): void {
    const { generation } = invitation;
    const tickets = invitation.tickets ?? [invitation.ticket];
    for (const [lane, ticket] of tickets.entries()) {
      if (lane < from) continue;
      this.#dialling++;
      void this.#dialOne(ticket, generation, lane).finally(() => {
        // The count is of the newest generation only.
        if (generation !== this.#generation) return;
        this.#dialling--;
        if (this.#dialling === 0) this.#waiters.wake();
      });
    }
  }

  async #dialOne(ticket: string, generation: number, lane: number): Promise<void> {
    const { log } = this.#options;
    try {
      const { handshake, result } = await this.#open(ticket, generation, lane);
      if (this.#isStopped || generation < this.#generation) {
        handshake.abort(new FairleadError("session.closed"));
        return;
      }
      try {
        this.#checkProof(result.preface);
      } catch (error) {
        handshake.abort(asFairleadError(error, "session.untrusted"));
        throw error;
      }
      this.#isWanted = false;
      this.#options.joined(handshake, generation, result.preface);
      this.#waiters.wake();
    } catch (thrown) {
      const error = asFairleadError(thrown, "lane.failed");
      const level = error.code === "session.untrusted" ? "warn" : "debug";
      log[level]({ generation, lane, code: error.code }, `A lane failed: ${error.message}`);
    }
  }

  async #open(ticket: string, generation: number, lane: number): Promise<OpenLane> {
    const { invitation, dial, upMs, carrier = CARRIER_VERSIONS } = this.#options;
    const { session, peer } = invitation;
    const { signal } = this.#dials;
    const socket = await dial(ticket, signal);
    if (signal.aborted) {
      socket.on("error", () => {});
      socket.terminate();
      throw new FairleadError("session.closed");
    }
    const expected = { session, generation, site: peer.site, boot: peer.boot, lane };
    const handshake = LaneHandshake.overSocket(socket, {
      expected,
      preface: () => this.#preface(generation, lane, carrier),
      timeoutMs: upMs,
    });
    this.#handshakes.set(handshake, generation);
    try {
      return { handshake, result: await handshake.done };
    } finally {
      this.#handshakes.delete(handshake);
    }
  }

  #preface(generation: number, lane: number, carrier: VersionRange) {
    const { invitation, self, received, windowBytes } = this.#options;
    const { session, peer } = invitation;
    const claim = { session, generation, lane, sender: self, receiver: peer, received: received() };
    return {
      // A session continues with the version that it began with.
      carrier: this.#proof === null ? carrier : { min: 2, max: 2 },
      session,
      generation,
      site: self.site,
      boot: self.boot,
      lane,
      received: claim.received,
      window: windowBytes,
      proof: this.#proof?.create(claim),
    };
  }

  /** Verifies the peer's proof. Lanes of the first generation carry none: TLS proves the peer on these. */
  #checkProof({ session, generation, lane, received, proof }: Preface): void {
    if (this.#proof === null || generation === this.#options.invitation.generation) return;
    const { invitation, self } = this.#options;
    const claim = { session, generation, lane, sender: invitation.peer, receiver: self, received };
    if (this.#proof.verify(claim, proof)) return;
    throw new FairleadError(
      "session.untrusted",
      "The peer did not prove on a new lane that it holds the session.",
    );
  }
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
