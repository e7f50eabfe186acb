/**
 * Keeps an uplink to the registry: dials, says hello, and when it ends dials again, forever. A new
 * certificate gets an uplink of its own before the old one is closed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { WebSocket } from "ws";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type {
  ConnectorMessage,
  EdgeFeature,
  Encryption,
  Hello,
  Invitation,
  Renewal,
  SiteView,
  Welcome,
} from "../../protocol/messages.ts";
import type { Log } from "../log.ts";
import { Backoff } from "./backoff.ts";
import { type Answer, type Notice, type Question, UplinkConnection } from "./connection.ts";
import { canMove, isSlow, type Trouble, type UplinkState, waitAfter } from "./state.ts";

export interface UplinkOptions {
  /** Opens the WebSocket with an assertion of its own; renews an expired certificate first. */
  readonly dial: (signal: AbortSignal) => Promise<WebSocket>;
  /** The edge called the certificate expired, whatever this site's clock says. */
  readonly onExpired: () => Promise<void>;
  readonly hello: () => Hello;
  readonly onWelcome: (welcome: Welcome) => void;
  readonly onNotice: (notice: Notice) => void;
  readonly log: Log;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly keepalive?: { readonly everyMs: number; readonly deadAfterMs: number };
}

const BACKOFF = { base: 250, cap: 15_000 } as const;

/** When somebody waits for the uplink, it is dialled within this time, ms. */
const HURRY_MS = 1000;

/** How long a request waits for an uplink and its answer together, ms. */
export const REQUEST_TIMEOUT_MS = 10_000;

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<() => void>();
  #state: UplinkState;
  #current: UplinkConnection | null = null;
  /** What the edge of the current uplink said that it can do. */
  #features: ReadonlySet<string> = new Set();
  /** Settles when the current uplink ends. */
  #over: ((error: FairleadError) => void) | undefined;
  #running: Promise<void> = Promise.resolve();
  #replacing = false;
  /** Ends the wait between two attempts. */
  #skip = new AbortController();
  /** The wait that was cut short already. */
  #hurried: AbortController | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff({ ...BACKOFF, random: this.#random });
    this.#state = { state: "idle", since: this.#now() };
  }

  get state(): UplinkState {
    return this.#state;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Sends a message that hello repeats anyway; without an uplink it is dropped. */
  send(message: ConnectorMessage): void {
    this.#current?.send(message);
  }

  /** @throws FairleadError session.*, service.unknown; uplink.lost. */
  async requestSession(
    service: string,
    peer: { site: string; boot: string },
    lanes = 1,
    encryption?: Encryption,
  ): Promise<Invitation> {
    const answer = await this.#request({
      ...{ type: "session.request", service, peer, lanes },
      ...(encryption === undefined ? {} : { encryption }),
    });
    if (answer.type !== "session.grant") throw unexpected(answer);
    return answer.invitation;
  }

  /**
   * Asks for lanes of a higher generation than the last that this side used.
   * @throws FairleadError session.unknown, session.peer_offline, session.revoked, session.forbidden; uplink.lost;
   * session.lost from an edge that is too old to know: it would take the question for a malformed message.
   */
  async requestResume(session: string, generation: number, lanes = 1): Promise<Invitation> {
    const question: Question = { type: "session.resume", session, generation, lanes };
    const answer = await this.#request(question, REQUEST_TIMEOUT_MS, "resume");
    if (answer.type !== "session.grant") throw unexpected(answer);
    return answer.invitation;
  }

  /** @throws FairleadError the registry's code; uplink.lost. */
  async requestRenewal(): Promise<Renewal> {
    const answer = await this.#request({ type: "renew" });
    if (answer.type !== "renewed") throw unexpected(answer);
    return answer.renewal;
  }

  /** The network as this site sees it. @throws FairleadError uplink.lost. */
  async requestStatus(timeoutMs = REQUEST_TIMEOUT_MS): Promise<SiteView> {
    const answer = await this.#request({ type: "status.request" }, timeoutMs);
    if (answer.type !== "status") throw unexpected(answer);
    return answer.view;
  }

  /** Opens a second uplink with what is valid now, moves over to it, then closes the first. */
  async replace(): Promise<void> {
    if (this.#replacing) return;
    this.#replacing = true;
    const backoff = new Backoff({ ...BACKOFF, random: this.#random });
    try {
      // Without an uplink the run loop dials anyway, with what is valid then.
      while (this.#current !== null && !this.#stop.signal.aborted) {
        try {
          await this.#connect();
          return;
        } catch (thrown) {
          const error = asFairleadError(thrown, "uplink.lost");
          if (!this.#current?.isOpen) {
            this.#over?.(error);
            return;
          }
          this.#options.log.warn({ code: error.code }, `replacing the uplink failed: ${error.message}`);
          await sleep(
            waitAfter(error.code, () => backoff.next(), this.#random),
            undefined,
            {
              signal: this.#stop.signal,
              ref: false,
            },
          ).catch(() => {});
        }
      }
    } finally {
      this.#replacing = false;
    }
  }

  /** Says bye, so that what this instance offers is withdrawn at once, and ends. */
  async close(): Promise<void> {
    this.#current?.send({ type: "bye" });
    this.#stop.abort();
    this.#current?.close();
    this.#over?.(new FairleadError("uplink.lost", "the connector stops"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#move({ state: "connecting", since: this.#now(), ...this.#trouble() });
      let upSince: number | null = null;
      let error: FairleadError;
      try {
        const over = new Promise<FairleadError>((resolve) => {
          this.#over = resolve;
        });
        await this.#connect();
        upSince = this.#now();
        this.#move({ state: "up", since: upSince });
        error = await over;
      } catch (thrown) {
        error = asFairleadError(thrown, "uplink.lost");
      }
      this.#current?.close(error);
      this.#current = null;
      if (signal.aborted) break;
      // One that held as long as the wait before it may have been was good: the next failure is the first
      // again. So an edge that is restarted often is found again soon, and one that fails under the load of
      // those who come back gets them more and more spread out.
      if (upSince !== null && this.#now() - upSince >= this.#backoff.bound) this.#backoff.reset();
      error = await this.#afterExpiry(error);
      await this.#wait(error);
    }
    this.#move({ state: "closed", since: this.#now() });
    this.#wake();
  }

  /** The edge's clock counts: what it calls expired is renewed, even if it looks good here. */
  async #afterExpiry(error: FairleadError): Promise<FairleadError> {
    if (error.code !== "certificate.expired") return error;
    try {
      await this.#options.onExpired();
      return error;
    } catch (thrown) {
      return asFairleadError(thrown, "uplink.lost");
    }
  }

  async #wait(error: FairleadError): Promise<void> {
    const wait = waitAfter(error.code, () => this.#backoff.next(), this.#random);
    const awaited = this.#waiters.size > 0 && !isSlow(error.code);
    const delay = awaited ? Math.min(wait, Math.floor(this.#random() * HURRY_MS)) : wait;
    const since = this.#now();
    const trouble: Trouble = { code: error.code, message: error.message, action: error.entry.action };
    this.#move({ state: isSlow(error.code) ? "refused" : "waiting", since, until: since + delay, trouble });
    this.#skip = new AbortController();
    await sleep(delay, undefined, { signal: AbortSignal.any([this.#stop.signal, this.#skip.signal]) }).catch(
      () => {},
    );
  }

  /** A client waits: what is left of the backoff is cut short, still jittered. */
  #hurry(): void {
    const skip = this.#skip;
    if (this.#state.state !== "waiting" || this.#state.until - this.#now() <= HURRY_MS) return;
    if (this.#hurried === skip) return;
    this.#hurried = skip;
    setTimeout(() => skip.abort(), this.#random() * HURRY_MS).unref();
  }

  async #connect(): Promise<void> {
    const { dial, hello, onWelcome, onNotice, log, keepalive } = this.#options;
    const socket = await dial(this.#stop.signal);
    let self: UplinkConnection | undefined;
    // Notices may follow welcome before the code after `await` runs; they wait for their turn.
    const early: Notice[] = [];
    const { connection, welcome } = await UplinkConnection.open(socket, {
      hello: hello(),
      log,
      ...(keepalive ? { keepalive } : {}),
      onNotice: (notice) => {
        if (self === undefined) early.push(notice);
        else if (this.#current === self) onNotice(notice);
      },
      onEnd: (error) => {
        if (self === undefined || this.#current !== self) return;
        // The registry drops the old uplink as soon as it hears the new one; replace() goes on from there.
        if (this.#replacing && error.code === "uplink.replaced") return;
        this.#over?.(error);
      },
    });
    self = connection;
    if (!connection.isOpen || this.#stop.signal.aborted) {
      connection.close();
      throw new FairleadError("uplink.lost");
    }
    const old = this.#current;
    this.#current = connection;
    this.#features = new Set(welcome.features);
    onWelcome(welcome);
    for (const notice of early) onNotice(notice);
    this.#wake();
    old?.close(new FairleadError("uplink.replaced"));
  }

  /** Every request can be repeated, so one that lost its uplink goes over the next while there is time. */
  async #request(question: Question, timeoutMs = REQUEST_TIMEOUT_MS, feature?: EdgeFeature): Promise<Answer> {
    const deadline = this.#now() + timeoutMs;
    for (;;) {
      const connection = await this.#connected(deadline);
      if (feature !== undefined && !this.#features.has(feature)) {
        throw new FairleadError("session.lost", `the edge is too old to ${feature} sessions`);
      }
      try {
        return await connection.request(question, Math.max(1, deadline - this.#now()));
      } catch (thrown) {
        if (connection.isOpen || this.#now() >= deadline || this.#stop.signal.aborted) throw thrown;
      }
    }
  }

  async #connected(deadline: number): Promise<UplinkConnection> {
    while (this.#current === null || !this.#current.isOpen) {
      const left = deadline - this.#now();
      if (left <= 0 || this.#stop.signal.aborted) throw new FairleadError("uplink.lost");
      this.#hurry();
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waiters.delete(done);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.#waiters.add(done);
      });
    }
    return this.#current;
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  #trouble(): { trouble?: Trouble } {
    const state = this.#state;
    return state.state === "waiting" || state.state === "refused" ? { trouble: state.trouble } : {};
  }

  /** The one place where the state changes. */
  #move(next: UplinkState): void {
    const from = this.#state.state;
    if (!canMove(from, next.state)) throw new Error(`the uplink cannot go from ${from} to ${next.state}`);
    this.#state = next;
    const { log } = this.#options;
    const fields = { from, to: next.state };
    if (next.state === "waiting" || next.state === "refused") {
      const { code, message, action } = next.trouble;
      log.warn({ ...fields, code, action, retryMs: next.until - next.since }, `uplink: ${message}`);
    } else log.info(fields, `uplink ${next.state}`);
  }
}

function unexpected(answer: Answer): FairleadError {
  return new FairleadError("uplink.malformed", `the edge answered with ${answer.type}`);
}
