/**
 * Lanes for a session that outlives them: dials those of an invitation, proves on each that this is the process
 * that the session is with, and asks the registry for new ones until some have joined.
 *
 *     resting ──want──▶ asking ──invitation──▶ dialling ──joined──▶ resting
 *                          ▲──── backoff ◀──── no lane came ──┘
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
import { Meeting, type Met } from "./lane-handshake.ts";

/** Between two attempts to get lanes, ms. */
const BACKOFF = { base: 250, cap: 5000 } as const;

export interface LanesOptions {
  /** The invitation that began the session. */
  invitation: Invitation;
  /** Our own instance. */
  self: InstanceId;
  /** Carrier versions that we speak. */
  carrier?: VersionRange;
  /** `signal` gives the dial up. */
  dial: (ticket: string, signal: AbortSignal) => Promise<WebSocket>;
  /** Asks the registry for lanes of a higher generation than this. Rejects with a FairleadError. */
  resume: (generation: number) => Promise<Invitation>;
  /** Bytes received in order, and kept for want of earlier ones: for the preface. */
  received: () => number;
  windowBytes: number;
  /** Time for a lane to open and meet, ms. */
  upMs: number;
  /** A lane is ready, its proof good. */
  joined: (meeting: Meeting, generation: number, preface: Preface) => void;
  /** The registry says that there will be no lanes. */
  refused: (error: FairleadError) => void;
  log: Log;
  random?: () => number;
}

/** That the session is over; `session.lost`: that the edge is too old to know of resuming. */
const FINAL: readonly ErrorCode[] = [
  "session.peer_gone",
  "session.unknown",
  "session.closed",
  "session.lost",
];

/** Whether asking again may bring lanes. */
function mayPass(error: FairleadError): boolean {
  return ERRORS[error.code].retry && !FINAL.includes(error.code);
}

export class Lanes {
  readonly #options: LanesOptions;
  #generation: number;
  #proof: ResumeProof | null = null;
  #wanted = false;
  #asking = false;
  #isStopped = false;
  /** Gives up the dials of the newest generation. */
  #dials = new AbortController();
  /** Lanes that wait for the peer, by their generation. */
  readonly #meetings = new Map<Meeting, number>();
  /** Dials of the newest generation that are under way. */
  #dialling = 0;
  /** Woken when lanes joined, or when there is something else to wait for. */
  readonly #waiters = new Waiters();

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#generation = options.invitation.generation;
  }

  /** The highest generation that this side has used. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether the session could go on over other lanes. */
  get resumable(): boolean {
    return this.#proof !== null;
  }

  /** From here on, lanes of a higher generation can be proved. */
  setKey(key: Uint8Array): void {
    this.#proof = new ResumeProof(key, hmac);
  }

  /** Opens the very first lane. @throws FairleadError as {@link Meeting.met}; what dialling fails with. */
  async first(): Promise<{ meeting: Meeting; met: Met }> {
    const { invitation } = this.#options;
    return await this.#meet(invitation.ticket, invitation.generation, 0);
  }

  /** Dials the other lanes of the first invitation. */
  dialRest(): void {
    const { invitation } = this.#options;
    this.#dialAll(invitation, 1);
  }

  /** An invitation to lanes of a higher generation: dials them. One that is not higher is ignored. */
  invited(invitation: Invitation): void {
    if (this.#isStopped || this.#proof === null || invitation.generation <= this.#generation) return;
    this.#generation = invitation.generation;
    this.#dialling = 0;
    // Whatever dials an older one would give its lane up: no invitation leaves dials of others behind.
    this.#dials.abort();
    this.#dials = new AbortController();
    for (const [meeting, generation] of this.#meetings) {
      if (generation < this.#generation) meeting.abort(new FairleadError("session.closed"));
    }
    this.#dialAll(invitation, 0);
    this.#waiters.wake();
  }

  /** New lanes are needed: asks until some have joined. */
  want(): void {
    this.#wanted = true;
    if (!this.#asking) void this.#ask();
  }

  /** Nothing more is dialled, and nobody waits for the peer any more. */
  stop(): void {
    this.#isStopped = true;
    this.#dials.abort();
    this.#wanted = false;
    for (const meeting of this.#meetings.keys()) meeting.abort(new FairleadError("session.closed"));
    this.#waiters.wake();
  }

  // ---- asking -----------------------------------------------------------------------------------------

  async #ask(): Promise<void> {
    const { resume, refused, log, random = Math.random } = this.#options;
    this.#asking = true;
    const backoff = new Backoff({ ...BACKOFF, random });
    // Not within the call: who wants lanes may be about to end.
    await Promise.resolve();
    while (this.#wanted && !this.#isStopped) {
      if (this.#dialling > 0) {
        await this.#waiters.wait(this.#options.upMs);
        continue;
      }
      try {
        const before = this.#generation;
        const invitation = await resume(before);
        this.invited(invitation);
        if (this.#dialling > 0) continue;
      } catch (thrown) {
        const error = asFairleadError(thrown, "uplink.lost");
        if (this.#isStopped || !this.#wanted) break;
        if (!mayPass(error)) {
          this.#wanted = false;
          refused(error);
          break;
        }
        log.debug({ session: this.#options.invitation.session, code: error.code }, "no lanes yet");
      }
      await this.#waiters.wait(backoff.next());
    }
    this.#asking = false;
    if (this.#wanted && !this.#isStopped) void this.#ask();
  }

  // ---- dialling ---------------------------------------------------------------------------------------

  #dialAll(invitation: Invitation, from: number): void {
    const { generation } = invitation;
    const tickets = invitation.tickets ?? [invitation.ticket];
    for (const [lane, ticket] of tickets.entries()) {
      if (lane < from) continue;
      this.#dialling++;
      void this.#dialOne(ticket, generation, lane).finally(() => {
        // Those of an older generation count no more.
        if (generation !== this.#generation) return;
        this.#dialling--;
        if (this.#dialling === 0) this.#waiters.wake();
      });
    }
  }

  async #dialOne(ticket: string, generation: number, lane: number): Promise<void> {
    const { invitation, log } = this.#options;
    try {
      const { meeting, met } = await this.#meet(ticket, generation, lane);
      if (this.#isStopped || generation < this.#generation) {
        meeting.abort(new FairleadError("session.closed"));
        return;
      }
      try {
        this.#checkProof(met.preface);
      } catch (error) {
        meeting.abort(asFairleadError(error, "session.untrusted"));
        throw error;
      }
      this.#wanted = false;
      this.#options.joined(meeting, generation, met.preface);
      this.#waiters.wake();
    } catch (thrown) {
      const error = asFairleadError(thrown, "lane.failed");
      const level = error.code === "session.untrusted" ? "warn" : "debug";
      const about = { session: invitation.session, generation, lane, code: error.code };
      log[level](about, `lane: ${error.message}`);
    }
  }

  async #meet(ticket: string, generation: number, lane: number): Promise<{ meeting: Meeting; met: Met }> {
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
    const meeting = Meeting.over(socket, {
      expected,
      preface: () => this.#preface(generation, lane, carrier),
      timeoutMs: upMs,
    });
    this.#meetings.set(meeting, generation);
    try {
      return { meeting, met: await meeting.met };
    } finally {
      this.#meetings.delete(meeting);
    }
  }

  #preface(generation: number, lane: number, carrier: VersionRange) {
    const { invitation, self, received, windowBytes } = this.#options;
    const { session, peer } = invitation;
    const claim = { session, generation, lane, sender: self, receiver: peer, received: received() };
    return {
      // Only the version that began the session can go on with it.
      carrier: this.#proof === null ? carrier : { min: 2, max: 2 },
      ...{ session, generation, site: self.site, boot: self.boot, lane },
      received: claim.received,
      window: windowBytes,
      ...(this.#proof === null ? {} : { proof: this.#proof.create(claim) }),
    };
  }

  /** Lanes of the first generation begin before there is a key; TLS itself proves the peer then. */
  #checkProof({ session, generation, lane, received, proof }: Preface): void {
    if (this.#proof === null || generation === this.#options.invitation.generation) return;
    const { invitation, self } = this.#options;
    const claim = { session, generation, lane, sender: invitation.peer, receiver: self, received };
    if (this.#proof.verify(claim, proof)) return;
    throw new FairleadError("session.untrusted", "the lane's proof is not of the session's peer");
  }
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
