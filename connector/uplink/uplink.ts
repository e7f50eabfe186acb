/**
 * The uplink to the registry: dials, sends hello, and dials again whenever the connection ends. A connection
 * with an old certificate, and one that does not answer, is replaced before it is closed.
 */
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import type { ConnectorMessage, EdgeFeature, Hello, Ingress } from "../../protocol/uplink/messages.ts";
import { Pause } from "../async/pause.ts";
import { sleep } from "../async/sleep.ts";
import { Waiters } from "../async/waiters.ts";
import { Backoff, type BackoffOptions } from "../net/backoff.ts";
import { measureSkew } from "./clock-skew.ts";
import { type Notice, UplinkConnection, type UplinkRequest, type UplinkResponse } from "./connection.ts";
import { LivenessProbe } from "./liveness-probe.ts";
import type { UplinkOptions } from "./options.ts";
import { Replacement } from "./replacement.ts";
import { type RequiredFeature, UplinkRequests } from "./requests.ts";
import { Rtt } from "./rtt.ts";
import { isSlow, type Trouble, type UplinkState, UplinkStates, waitAfter } from "./state.ts";

const BACKOFF = { base: 250, cap: 15_000 } as const;

/** Longest wait until the next dial while a request waits for the uplink, ms. */
const HURRY_MS = 1000;

/**
 * Longest random extension of the wait that the edge asked for, as a fraction, so that sites return spread
 * out.
 */
const SPREAD = 0.5;

/** Longest round trip that the protocol can carry, ms. */
const MAX_RTT = 600_000;

export type { UplinkOptions } from "./options.ts";

/** What a site does whose network is not there. The error table says what a caller of the API does. */
const NETWORK_DELETED =
  "The network was deleted: stop this connector, or join another network with a new token and an empty state directory.";

export class Uplink extends UplinkRequests {
  readonly #options: UplinkOptions;
  /** Monotonic clock for waits and limits, ms. */
  readonly #now: () => number;
  /** Wall clock for times that are shown, ms since 1970. */
  readonly #wallClock: () => number;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  readonly #pause: Pause;
  readonly #waiters = new Waiters();
  readonly #states: UplinkStates;
  readonly #replacement: Replacement<UplinkConnection>;
  readonly #liveness: LivenessProbe<UplinkConnection>;
  readonly #rtt = new Rtt();
  /** The round trip of the previous connection, ms. */
  #previousRtt: number | null = null;
  #current: UplinkConnection | null = null;
  /** When the uplink came up, by the monotonic clock, ms; null while it is down. */
  #upSince: number | null = null;
  /** When the wait between two attempts ends, by the monotonic clock, ms. */
  #dialAt = 0;
  /** When the edge permits the next attempt, by the monotonic clock, ms. */
  #permittedAt = 0;
  /** Features that the edge announced on the current connection. */
  #features: ReadonlySet<string> = new Set();
  /** Ends the current connection for the run loop. */
  #endCurrent: ((error: FairleadError) => void) | undefined;
  #running: Promise<void> = Promise.resolve();
  #hello: () => Hello = () => {
    throw new Error("The uplink was not started.");
  };

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
    this.#states = new UplinkStates(wallClock(), log, now);
    this.#replacement = new Replacement({
      connect: (cancelled) => this.#connect(cancelled),
      current: () => this.#current,
      failed: (error) => this.#endCurrent?.(error),
      backoff,
      log,
    });
    this.#liveness = new LivenessProbe({
      replace: (uplink, alive) => this.#replacement.ofSilent(uplink, alive),
      rtt: () => this.lastRtt,
      random,
      log,
      now,
      times: options.liveness,
    });
  }

  /** Whether the edge announced the feature on the last connection. */
  has(feature: EdgeFeature | "telemetry"): boolean {
    return this.#features.has(feature);
  }

  /** Whether there is a connection that was welcomed. It is true from the welcome on, before the state says so. */
  get isOpen(): boolean {
    return this.#current?.isOpen ?? false;
  }

  get state(): UplinkState {
    return this.#states.state;
  }

  /** Time since the uplink came up, ms; 0 while it is down. */
  get upForMs(): number {
    return this.#upSince === null ? 0 : this.#now() - this.#upSince;
  }

  /** Round trip to the edge, ms; null while the uplink is down and before the first measurement. */
  get rtt(): number | null {
    return this.state.state === "up" ? this.#rtt.median : null;
  }

  /**
   * Last measured round trip to the edge, ms, also while the uplink is down; null before the first
   * measurement.
   */
  get lastRtt(): number | null {
    return this.#rtt.median ?? this.#previousRtt;
  }

  protected override get requestMs(): number {
    return timeLimit("request", this.lastRtt);
  }

  /** Dials from now on until {@link close}. Each uplink begins with what `hello` returns then. */
  start(hello: () => Hello): void {
    this.#hello = hello;
    this.#running = this.#run();
  }

  /** Sends what this instance publishes by hostnames, to an edge that has doors. Hello repeats it. */
  sendIngress(ingress: readonly Ingress[]): void {
    if (this.#features.has("ingress")) this.send({ type: "ingress", ingress: [...ingress] });
  }

  /** Sends a message whose content hello repeats. Dropped while the uplink is down. */
  send(message: ConnectorMessage): void {
    this.#current?.send(message);
  }

  /**
   * Opens a second connection with the current certificates, switches to it, then closes the first. Resolves
   * when a connection is up that sent its hello after this call, or when the uplink is down: the run loop
   * dials it anew.
   */
  async replace(): Promise<void> {
    await this.#replacement.withNewHello();
  }

  /** Ends the wait before the next dial, if there is one. */
  dialSoon(): void {
    this.#pause.hurry(0);
  }

  /**
   * Sends bye, on which the registry withdraws the offers of this instance at once, and ends the uplink.
   * @param successor whether another process is expected to make them: the registry then keeps them for a while
   */
  async close({ successor = false } = {}): Promise<void> {
    this.#current?.send(successor ? { type: "bye", successor } : { type: "bye" });
    this.#stop.abort();
    this.#replacement.cancel();
    this.#current?.close();
    this.#endCurrent?.(new FairleadError("uplink.lost", "The connector is stopping."));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#states.move({ state: "connecting", since: this.#wallClock(), ...this.#states.trouble });
      let error: FairleadError;
      try {
        const ended = new Promise<FairleadError>((resolve) => {
          this.#endCurrent = resolve;
        });
        await this.#connect();
        this.#upSince = this.#now();
        this.#states.move({ state: "up", since: this.#wallClock() });
        this.#replacement.catchUp();
        error = await ended;
      } catch (thrown) {
        error = asFairleadError(thrown, "uplink.lost");
      }
      const upSince = this.#upSince;
      this.#upSince = null;
      this.#replacement.cancel();
      this.#current?.close(error);
      this.#current = null;
      if (signal.aborted) break;
      // A connection that lasted at least as long as the longest wait before it resets the backoff. A site
      // thus returns soon to an edge that restarts often, and ever later to an edge that fails under
      // returning sites.
      if (upSince !== null && this.#now() - upSince >= this.#backoff.bound) this.#backoff.reset();
      error = await this.#afterExpiry(error);
      if (error.code === "site.revoked") this.#options.onRevoked?.();
      await this.#wait(error);
    }
    this.#states.move({ state: "closed", since: this.#wallClock() });
    this.#waiters.wake();
  }

  /** Renews a certificate that the edge refused as expired, even if it is valid by this site's clock. */
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
    const isAwaited = this.#waiters.size > 0 && !isSlow(error.code);
    const own = isAwaited ? Math.min(wait, Math.floor(this.#random() * HURRY_MS)) : wait;
    // An edge that just started asks for a second; a request then waits no longer than that.
    const asked = (error.retryAfterMs ?? 0) * (1 + this.#random() * SPREAD);
    const delay = Math.max(own, asked);
    const since = this.#wallClock();
    const action = error.code === "network.unknown" ? NETWORK_DELETED : error.action;
    const trouble: Trouble = { code: error.code, message: error.message, action };
    this.#states.move({
      state: isSlow(error.code) ? "refused" : "waiting",
      since,
      until: since + delay,
      trouble,
    });
    this.#dialAt = this.#now() + delay;
    this.#permittedAt = this.#now() + asked;
    await this.#pause.wait(delay);
  }

  /** Shortens the backoff, still jittered, because a request waits. The time that the edge asked for stays. */
  #hurry(): void {
    const now = this.#now();
    const after = Math.max(0, this.#permittedAt - now);
    if (this.state.state === "waiting" && this.#dialAt - now > after + HURRY_MS) {
      this.#pause.hurry(HURRY_MS, after);
    }
  }

  async #connect(cancelled?: AbortSignal): Promise<void> {
    const { dial, onWelcome, onNotice, log, keepalive } = this.#options;
    const before = this.#current;
    const helloNumber = this.#replacement.hello;
    const { signal } = this.#stop;
    const rtt = this.lastRtt;
    const socket = await dial(cancelled === undefined ? signal : AbortSignal.any([signal, cancelled]), rtt);
    let self: UplinkConnection | undefined;
    const requested = this.#wallClock();
    const startedAt = this.#now();
    // Notices may follow welcome before the code after `await` runs.
    const early: Notice[] = [];
    const { connection, welcome } = await UplinkConnection.open(socket, {
      hello: this.#hello(),
      log,
      welcomeMs: timeLimit("welcome", rtt),
      keepalive,
      onNotice: (notice) => {
        if (self === undefined) early.push(notice);
        else if (this.#current === self) onNotice(notice);
      },
      onEnd: (error) => {
        if (self === undefined || this.#current !== self) return;
        // The registry closes the old connection as soon as the new one sends hello; the replacement
        // continues.
        if (this.#replacement.isRunning && error.code === "uplink.replaced") return;
        this.#endCurrent?.(error);
      },
      onRtt: (ms) => {
        if (self !== undefined && this.#current === self) this.#reportRtt(ms);
      },
    });
    self = connection;
    // If the connection to replace has ended, the run loop dials another one.
    if (!connection.isOpen || signal.aborted || this.#current !== before) {
      connection.close();
      throw new FairleadError("uplink.lost");
    }
    this.#current = connection;
    this.#replacement.answered(helloNumber);
    this.#features = new Set(welcome.features);
    // Until a keep-alive is answered, the time to welcome stands in: a round trip and the registry's work.
    this.#previousRtt = this.lastRtt ?? this.#now() - startedAt;
    this.#rtt.reset();
    onWelcome(welcome, measureSkew(welcome.time, { requested, answered: this.#wallClock() }));
    for (const notice of early) onNotice(notice);
    this.#waiters.wake();
    before?.close(new FairleadError("uplink.replaced"));
  }

  #reportRtt(ms: number): void {
    const rtt = this.#rtt.add(ms, this.#now());
    if (rtt !== null && this.#features.has("links"))
      this.send({ type: "measured", rtt: Math.min(rtt, MAX_RTT) });
  }

  /**
   * Sends a request and repeats it within its time limit: over the next connection when its own ended, and
   * after the wait that a refusal asks for. Every request is idempotent.
   */
  protected override async exchange(
    request: UplinkRequest,
    timeoutMs: number,
    required?: RequiredFeature,
  ): Promise<UplinkResponse> {
    const deadline = this.#now() + timeoutMs;
    for (;;) {
      const connection = await this.#connected(deadline);
      if (required !== undefined && !this.#features.has(required.feature)) throw required.error();
      const done = this.#liveness.requestSent(connection);
      try {
        const response = await connection.request(request, Math.max(1, deadline - this.#now()));
        done(true);
        return response;
      } catch (thrown) {
        done(asFairleadError(thrown, "uplink.lost").code !== "uplink.lost");
        if (await this.#waitAsAsked(thrown, deadline)) continue;
        if (connection.isOpen || this.#now() >= deadline || this.#stop.signal.aborted) throw thrown;
      }
    }
  }

  /**
   * Waits as long as a refusal asks, jittered; false when it asks for no wait, or for one beyond the
   * deadline.
   */
  async #waitAsAsked(thrown: unknown, deadline: number): Promise<boolean> {
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
