/**
 * The lifecycle of a network in its object: creation, alarm and deletion. An object without a network stores
 * nothing, and so leaves no trace.
 */

import type { NetworkDump } from "../../protocol/api/backup.ts";
import type { Network } from "../../protocol/api/networks.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { Context } from "./context/context.ts";
import { checkBackup, restoreNetwork } from "./operations/backup.ts";
import { cutEverything } from "./operations/cut-sessions.ts";
import { describeNetwork } from "./operations/describe.ts";
import { closeDoorsOf } from "./operations/ingress.ts";
import { nextSweepAt, reconcile, sweep } from "./operations/sweep.ts";
import { checkMigrations, hasTables, migrate } from "./store/migrations.ts";

export class Lifecycle {
  readonly #storage: DurableObjectStorage;
  readonly #context: Context;
  /** Whether the database has its tables. */
  #migrated = false;
  /** Why this version cannot read the database; null if it can. */
  #unreadable: FairleadError | null = null;
  /** When the alarm is due, ms since 1970; null if none is set, undefined if not read yet. */
  #alarmAt: number | null | undefined;

  constructor(storage: DurableObjectStorage, context: Context) {
    this.#storage = storage;
    this.#context = context;
  }

  /** Whether the object has a network that this version can read. */
  get exists(): boolean {
    return this.#migrated && this.#context.store.network.get() !== null;
  }

  /**
   * Checks that the object has a network.
   * @throws FairleadError `network.unknown`; `state.corrupt` when a newer version has migrated the database
   */
  requireNetwork(): void {
    this.#requireReadable();
    if (!this.exists) throw new FairleadError("network.unknown");
  }

  #requireReadable(): void {
    if (this.#unreadable !== null) throw this.#unreadable;
  }

  #migrate(): void {
    migrate(this.#storage, this.#context.now());
    this.#migrated = true;
  }

  /** Loads stored state after the object started. Returns whether there is any that this version can read. */
  wake(): boolean {
    if (!hasTables(this.#storage)) return false;
    try {
      checkMigrations(this.#storage);
    } catch (thrown) {
      this.#unreadable = asFairleadError(thrown, "edge.internal");
      return false;
    }
    this.#migrate();
    if (this.exists) reconcile(this.#context);
    return true;
  }

  /** Creates the network. Repeated with the same id, returns the existing network. */
  async create(request: { id: string; name: string; createdAt: number; actor: string }): Promise<Network> {
    const { store, authorities } = this.#context;
    this.#requireReadable();
    if (!this.exists) {
      const { id, name, actor } = request;
      const now = this.#context.now();
      // By the clock of another machine. No event may be older than the network.
      const createdAt = Math.min(request.createdAt, now);
      const row = await authorities.makeNetwork(id, name, createdAt, now);
      this.#migrate();
      store.transaction(() => {
        if (store.network.get()) return;
        store.network.put(row);
        this.#context.event("network.created", `Network ${name} was created.`, { actor });
      });
    }
    return describeNetwork(this.#context);
  }

  /**
   * Creates the network from a backup, in an object without one. Restores everything or nothing.
   * @throws FairleadError `backup.not_empty`, `backup.version`, `backup.malformed`
   */
  async restore(dump: NetworkDump, actor: string): Promise<Network> {
    await checkBackup(this.#context, dump);
    if (hasTables(this.#storage)) throw new FairleadError("backup.not_empty");
    restoreNetwork(this.#context, dump, actor);
    this.#migrated = true;
    await this.schedule();
    return describeNetwork(this.#context);
  }

  /**
   * Deletes the network: closes every uplink, cuts every session and deletes all storage.
   * @throws FairleadError `state.corrupt` when a newer version has migrated the database
   */
  async destroy(): Promise<void> {
    this.#requireReadable();
    if (!this.exists) return;
    const { uplinks, telemetry, store } = this.#context;
    const id = store.network.get()?.id;
    for (const uplink of uplinks.all()) uplinks.refuse(uplink, "network.unknown");
    await Promise.all([
      cutEverything(this.#context, "session.revoked"),
      closeDoorsOf(this.#context, null),
      id === undefined ? undefined : telemetry.destroy(id),
    ]);
    await this.#storage.deleteAlarm();
    this.#alarmAt = null;
    await store.deleteAll();
    this.#migrated = false;
    // Uplinks that were opened while the lanes were cut.
    for (const uplink of uplinks.all()) uplinks.refuse(uplink, "network.unknown");
  }

  /** Sets the alarm for the next due time. An idle network has no alarm. */
  async schedule(): Promise<void> {
    if (!this.exists) return;
    const due = nextSweepAt(this.#context);
    if (due === null) return;
    if (this.#alarmAt === undefined) this.#alarmAt = await this.#storage.getAlarm();
    if (this.#alarmAt !== null && this.#alarmAt <= due) return;
    this.#alarmAt = due;
    await this.#storage.setAlarm(due);
  }

  /** Handles the object's alarm. */
  async handleAlarm(): Promise<void> {
    this.#alarmAt = null;
    if (!this.exists) return;
    sweep(this.#context);
    await this.schedule();
  }
}
