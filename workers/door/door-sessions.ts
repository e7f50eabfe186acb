/**
 * The sessions of a door: one with each instance that publishes the hostname. The registry invites the instances; each
 * dials the door. Requests go to the instance with the fewest exchanges.
 */
import { FairleadError, fromErrorBody } from "../../protocol/errors.ts";
import { type InstanceId, instanceKey } from "../../protocol/instance-id.ts";
import type { MemoryAccount } from "../../protocol/memory-budget.ts";
import { TIME_LIMITS } from "../../protocol/time-limits.ts";
import type { Result } from "../result.ts";
import { DoorSession } from "./door-session.ts";
import type { DoorSummary } from "./registry-calls.ts";

/** How long the registry's view of the instances counts, ms. Then a request asks again, while others go on. */
const VIEW_MS = 5_000;
/** The same when no instance published the hostname, ms. */
const EMPTY_VIEW_MS = 500;

export interface DoorSessionsOptions {
  /** The door's id in place of a site's, and its boot id. */
  readonly self: InstanceId;
  readonly memory: MemoryAccount;
  /** Invites the instances that the door does not know, and returns all that publish the hostname. */
  readonly invite: (known: readonly InstanceId[]) => Promise<Result<DoorSummary>>;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly idleMs?: number;
}

interface Entry {
  readonly instance: InstanceId;
  /** Id of the session that the instance was invited to. */
  readonly invited: string;
  /** When the invitation is given up, ms. */
  readonly until: number;
  session: DoorSession | null;
}

function invitedEntry({ site, boot }: InstanceId, invited: string, now: number): Entry {
  return { instance: { site, boot }, invited, until: now + TIME_LIMITS.session.least, session: null };
}

export class DoorSessions {
  readonly #options: DoorSessionsOptions;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  /** Sessions whose tickets were used, with the end of the tickets' validity, ms. */
  readonly #used = new Map<string, number>();
  /** Requests that wait for a session. */
  readonly #waiting = new Set<() => void>();
  #refreshing: Promise<void> | null = null;
  #summary: DoorSummary | null = null;
  #viewUntil = 0;

  constructor(options: DoorSessionsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Sessions that take streams. */
  get usable(): DoorSession[] {
    return [...this.#entries.values()]
      .map(({ session }) => session)
      .filter((session): session is DoorSession => session?.isUsable === true);
  }

  /** The service that the hostname leads to; null before the first request. */
  get service(): string | null {
    return this.#summary?.service ?? null;
  }

  /**
   * Begins the session of a verified ticket, which counts once. The lane may come before the registry's answer to the
   * invitation.
   * @throws FairleadError ticket.replayed
   */
  join(socket: WebSocket, session: string, instance: InstanceId): void {
    this.#use(session);
    const key = instanceKey(instance);
    const known = this.#entries.get(key);
    const entry: Entry = known?.invited === session ? known : invitedEntry(instance, session, this.#now());
    if (known !== entry) known?.session?.close(new FairleadError("session.replaced"));
    this.#entries.set(key, entry);
    const { self, memory, idleMs } = this.#options;
    const made = new DoorSession(socket, {
      ...{ session, peer: instance, self, memory, idleMs },
      ended: () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
        // The next request asks for the instance again.
        this.#viewUntil = 0;
        this.#wake();
      },
    });
    entry.session = made;
    void made.up.then(
      () => this.#wake(),
      () => undefined,
    );
  }

  /** Checks that the ticket of a session was not used before. @throws FairleadError ticket.replayed */
  #use(session: string): void {
    const now = this.#now();
    for (const [used, until] of this.#used) if (until <= now) this.#used.delete(used);
    if (this.#used.has(session)) throw new FairleadError("ticket.replayed");
    this.#used.set(session, now + TIME_LIMITS.ticket.most);
  }

  /**
   * A session for a request: the one with the fewest streams, ties at random.
   * @param tried sessions that refused the request
   * @throws FairleadError door.unavailable when no instance comes in time
   */
  async pick(tried: ReadonlySet<DoorSession>, signal: AbortSignal): Promise<DoorSession> {
    const deadline = this.#now() + TIME_LIMITS.session.least;
    for (;;) {
      if (signal.aborted) throw new FairleadError("stream.cancelled");
      const stale = this.#now() >= this.#viewUntil;
      const refreshed = stale ? this.#refresh() : this.#refreshing;
      const session = this.#least(tried);
      if (session !== null) {
        refreshed?.catch(() => undefined);
        return session;
      }
      if (refreshed !== null) await refreshed;
      const found = this.#least(tried);
      if (found !== null) return found;
      const pending = [...this.#entries.values()].some(
        ({ session: made, until }) => (made === null || !tried.has(made)) && this.#now() < until,
      );
      const left = deadline - this.#now();
      if (!pending || left <= 0) throw new FairleadError("door.unavailable");
      await this.#wait(left);
    }
  }

  /** Ends the sessions with a site, or all sessions. */
  end(site: string | null, error: FairleadError): void {
    this.#viewUntil = 0;
    for (const [key, { instance, session }] of [...this.#entries]) {
      if (site !== null && instance.site !== site) continue;
      this.#entries.delete(key);
      session?.close(error);
    }
    this.#wake();
  }

  #least(tried: ReadonlySet<DoorSession>): DoorSession | null {
    const { random = Math.random } = this.#options;
    let best: DoorSession | null = null;
    let ties = 1;
    for (const session of this.usable) {
      if (tried.has(session)) continue;
      if (best === null || session.streams < best.streams) {
        best = session;
        ties = 1;
      } else if (session.streams === best.streams) {
        ties += 1;
        if (random() * ties < 1) best = session;
      }
    }
    return best;
  }

  /** Asks the registry, once at a time. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#ask().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #ask(): Promise<void> {
    this.#expire();
    const known = [...this.#entries.values()].map(({ instance }) => instance);
    const result = await this.#options.invite(known.map(({ site, boot }) => ({ site, boot })));
    if (!result.ok) {
      this.#viewUntil = this.#now() + EMPTY_VIEW_MS;
      this.#keepOnly([]);
      throw fromErrorBody(result.error, "door.unavailable");
    }
    this.#summary = result.value;
    const { instances } = result.value;
    this.#viewUntil = this.#now() + (instances.length === 0 ? EMPTY_VIEW_MS : VIEW_MS);
    for (const instance of instances) {
      const key = instanceKey(instance);
      if (instance.session === null || this.#entries.get(key)?.invited === instance.session) continue;
      this.#entries.set(key, invitedEntry(instance, instance.session, this.#now()));
    }
    this.#keepOnly(instances);
  }

  /** Drops invitations that no lane came for. */
  #expire(): void {
    for (const [key, { session, until }] of [...this.#entries]) {
      if (session === null && this.#now() >= until) this.#entries.delete(key);
    }
  }

  /** Drains the sessions with instances that publish the hostname no longer. */
  #keepOnly(instances: readonly InstanceId[]): void {
    const kept = new Set(instances.map(instanceKey));
    for (const [key, { session }] of [...this.#entries]) {
      if (kept.has(key)) continue;
      if (session === null) this.#entries.delete(key);
      else session.drain();
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
