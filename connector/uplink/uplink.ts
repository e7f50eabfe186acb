/**
 * Keeps an uplink to the registry: dials, says hello, and when it ends dials again, forever. A new certificate gets an
 * uplink of its own before the old one is closed, and so does one that does not answer.
 */
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import type { ConnectorMessage } from "../../protocol/uplink/messages.ts";
import { Pause } from "../async/pause.ts";
import { sleep } from "../async/sleep.ts";
import { Waiters } from "../async/waiters.ts";
import { Backoff, type BackoffOptions } from "../net/backoff.ts";
import { clockSkew } from "./clock-skew.ts";
import { type Answer, type Notice, type Question, UplinkConnection } from "./connection.ts";
import { Doubts } from "./liveness-probe.ts";
import type { UplinkOptions } from "./options.ts";
import { Replacing } from "./replacement.ts";
import { type Needs, Requests } from "./requests.ts";
import { RoundTrip } from "./rtt.ts";
import { isSlow, StateKeeper, type Trouble, type UplinkState, waitAfter } from "./state.ts";

const BACKOFF = { base: 250, cap: 15_000 } as const;

/** When somebody waits for the uplink, it is dialled within this time, ms. */
const HURRY_MS = 1000;

/** So much longer than told, at most, those wait whom the edge told to ask later: they do not come all at once. */
const SPREAD = 0.5;

/** Longest round trip that the protocol tells, ms. */
const MAX_RTT = 600_000;

export type { UplinkOptions } from "./options.ts";

export class Uplink extends Requests {
  readonly #options: UplinkOptions;
  /** Monotonic: whatever waits or ends goes by it. */
  readonly #now: () => number;
  /** For what is shown. */
  readonly #wallClock: () => number;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  readonly #pause: Pause;
  readonly #waiters = new Waiters();
  readonly #states: StateKeeper;
  readonly #replacing: Replacing<UplinkConnection>;
  readonly #doubts: Doubts<UplinkConnection>;
  readonly #roundTrip = new RoundTrip();
  /** The round trip as it was last known, ms: what a new uplink takes. */
  #lastRoundTrip: number | null = null;
  #current: UplinkConnection | null = null;
  /** Since when there is an uplink, by the monotonic clock, ms; null while there is none. */
  #upSince: number | null = null;
  /** When the wait between two attempts ends, by the monotonic clock, ms. */
  #dialAt = 0;
  /** What the edge of the current uplink said that it can do. */
  #features: ReadonlySet<string> = new Set();
  /** Settles when the current uplink ends. */
  #over: ((error: FairleadError) => void) | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: UplinkOptions) {
    super();
    this.#options = options;
    const { log, now = () => performance.now(), wallClock = Date.now, random = Math.random } = options;
    this.#now = now;
    this.#wallClock = wallClock;
    this.#random = random;
    const backoff: BackoffOptions = { ...BACKOFF, random };
    this.#backoff = new Backoff(backoff);
    this.#pause = new Pause(this.#stop.signal, random);
    this.#states = new StateKeeper(wallClock(), log);
    this.#replacing = new Replacing({
      connect: (calledOff) => this.#connect(calledOff),
      current: () => this.#current,
      failed: (error) => this.#over?.(error),
      ...{ backoff, log },
    });
    this.#doubts = new Doubts({
      replace: (uplink, lives) => this.#replacing.silent(uplink, lives),
      rtt: () => this.roundTrip,
      ...{ random, log, now },
      ...(options.doubts === undefined ? {} : { times: options.doubts }),
    });
  }

  get state(): UplinkState {
    return this.#states.state;
  }

  /** How long the edge has been reached without a gap, ms; 0 while it is not. */
  get upForMs(): number {
    return this.#upSince === null ? 0 : this.#now() - this.#upSince;
  }

  /** The round trip to the edge, ms; null while it is not known. */
  get rtt(): number | null {
    return this.state.state === "up" ? this.#roundTrip.value : null;
  }

  /** The round trip to the edge for limits, ms: as it was last measured, also while the uplink is down. */
  get roundTrip(): number | null {
    return this.#roundTrip.value ?? this.#lastRoundTrip;
  }

  protected override get requestMs(): number {
    return timeLimit("request", this.roundTrip);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Sends a message that hello repeats anyway; without an uplink it is dropped. */
  send(message: ConnectorMessage): void {
    this.#current?.send(message);
  }

  /**
   * Opens a second uplink with what is valid now, moves over to it, then closes the first. Resolves when an uplink
   * is up that said hello after this call, or when there is none: the run loop dials with what is valid then.
   */
  async replace(): Promise<void> {
    await this.#replacing.hello();
  }

  /** Says bye, so that what this instance offers is withdrawn at once, and ends. */
  async close(): Promise<void> {
    this.#current?.send({ type: "bye" });
    this.#stop.abort();
    this.#replacing.stop();
    this.#current?.close();
    this.#over?.(new FairleadError("uplink.lost", "the connector stops"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#states.move({ state: "connecting", since: this.#wallClock(), ...this.#states.trouble });
      let error: FairleadError;
      try {
        const over = new Promise<FairleadError>((resolve) => {
          this.#over = resolve;
        });
        await this.#connect();
        this.#upSince = this.#now();
        this.#states.move({ state: "up", since: this.#wallClock() });
        this.#replacing.settle();
        error = await over;
      } catch (thrown) {
        error = asFairleadError(thrown, "uplink.lost");
      }
      const upSince = this.#upSince;
      this.#upSince = null;
      this.#replacing.stop();
      this.#current?.close(error);
      this.#current = null;
      if (signal.aborted) break;
      // One that held as long as the wait before it may have been was good: the next failure is the first
      // again. So an edge that is restarted often is found again soon, and one that fails under the load of
      // those who come back gets them more and more spread out.
      if (upSince !== null && this.#now() - upSince >= this.#backoff.bound) this.#backoff.reset();
      error = await this.#afterExpiry(error);
      if (error.code === "site.revoked") this.#options.onRevoked?.();
      await this.#wait(error);
    }
    this.#states.move({ state: "closed", since: this.#wallClock() });
    this.#waiters.wake();
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
    const wait = Math.max(
      waitAfter(error.code, () => this.#backoff.next(), this.#random),
      (error.retryAfterMs ?? 0) * (1 + this.#random() * SPREAD),
    );
    const awaited = this.#waiters.size > 0 && !isSlow(error.code) && error.retryAfterMs === undefined;
    const delay = awaited ? Math.min(wait, Math.floor(this.#random() * HURRY_MS)) : wait;
    const since = this.#wallClock();
    const trouble: Trouble = { code: error.code, message: error.message, action: error.entry.action };
    this.#states.move({
      state: isSlow(error.code) ? "refused" : "waiting",
      since,
      until: since + delay,
      trouble,
    });
    this.#dialAt = this.#now() + delay;
    await this.#pause.wait(delay);
  }

  /** A client waits: what is left of the backoff is cut short, still jittered. */
  #hurry(): void {
    if (this.state.state === "waiting" && this.#dialAt - this.#now() > HURRY_MS) this.#pause.hurry(HURRY_MS);
  }

  async #connect(calledOff?: AbortSignal): Promise<void> {
    const { dial, hello, onWelcome, onNotice, log, keepalive } = this.#options;
    const before = this.#current;
    const said = this.#replacing.wanted;
    const { signal } = this.#stop;
    const { roundTrip } = this;
    const socket = await dial(
      calledOff === undefined ? signal : AbortSignal.any([signal, calledOff]),
      roundTrip,
    );
    let self: UplinkConnection | undefined;
    const asked = this.#wallClock();
    const begun = this.#now();
    // Notices may follow welcome before the code after `await` runs; they wait for their turn.
    const early: Notice[] = [];
    const { connection, welcome } = await UplinkConnection.open(socket, {
      hello: hello(),
      log,
      welcomeMs: timeLimit("welcome", roundTrip),
      ...(keepalive ? { keepalive } : {}),
      onNotice: (notice) => {
        if (self === undefined) early.push(notice);
        else if (this.#current === self) onNotice(notice);
      },
      onEnd: (error) => {
        if (self === undefined || this.#current !== self) return;
        // The registry drops the old uplink as soon as it hears the new one; replace() goes on from there.
        if (this.#replacing.underWay && error.code === "uplink.replaced") return;
        this.#over?.(error);
      },
      onRoundTrip: (ms) => {
        if (self !== undefined && this.#current === self) this.#measured(ms);
      },
    });
    self = connection;
    // What it was to replace may be gone: then another is on its way.
    if (!connection.isOpen || signal.aborted || this.#current !== before) {
      connection.close();
      throw new FairleadError("uplink.lost");
    }
    this.#current = connection;
    this.#replacing.said(said);
    this.#features = new Set(welcome.features);
    // The answer to hello took a round trip and the registry's work: good enough until a keep-alive is answered.
    this.#lastRoundTrip = this.roundTrip ?? this.#now() - begun;
    this.#roundTrip.restart();
    onWelcome(welcome, clockSkew(welcome.time, { asked, answered: this.#wallClock() }));
    for (const notice of early) onNotice(notice);
    this.#waiters.wake();
    before?.close(new FairleadError("uplink.replaced"));
  }

  #measured(ms: number): void {
    const rtt = this.#roundTrip.measured(ms, this.#now());
    if (rtt !== null && this.#features.has("links"))
      this.send({ type: "measured", rtt: Math.min(rtt, MAX_RTT) });
  }

  /**
   * Every request can be repeated, so one that lost its uplink goes over the next while there is time, and one for which
   * the site's budget has no room is asked again when it has.
   */
  protected override async ask(question: Question, timeoutMs: number, needs?: Needs): Promise<Answer> {
    const deadline = this.#now() + timeoutMs;
    for (;;) {
      const connection = await this.#connected(deadline);
      if (needs !== undefined && !this.#features.has(needs.feature)) throw needs.error();
      const done = this.#doubts.asked(connection);
      try {
        const answer = await connection.request(question, Math.max(1, deadline - this.#now()));
        done(true);
        return answer;
      } catch (thrown) {
        done(asFairleadError(thrown, "uplink.lost").code !== "uplink.lost");
        if (await this.#waitedFor(thrown, deadline)) continue;
        if (connection.isOpen || this.#now() >= deadline || this.#stop.signal.aborted) throw thrown;
      }
    }
  }

  /** Waits for as long as a refusal says, spread a little; false when it says nothing, or too long. */
  async #waitedFor(thrown: unknown, deadline: number): Promise<boolean> {
    const ms = thrown instanceof FairleadError ? thrown.retryAfterMs : undefined;
    if (ms === undefined || this.#stop.signal.aborted) return false;
    const wait = ms * (1 + this.#random() * SPREAD);
    if (this.#now() + wait >= deadline) return false;
    return await sleep(wait, this.#stop.signal);
  }

  async #connected(deadline: number): Promise<UplinkConnection> {
    while (this.#current === null || !this.#current.isOpen) {
      const left = deadline - this.#now();
      if (left <= 0 || this.#stop.signal.aborted) throw new FairleadError("uplink.lost");
      this.#hurry();
      await this.#waiters.wait(left);
    }
    return this.#current;
  }
}
