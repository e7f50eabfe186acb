/**
 * A network in its object: how it comes to be there, when it is to be looked after, and how it ends. An object without
 * a network stores nothing, so that it leaves no trace.
 */

import type { NetworkDump } from "../../protocol/api/backup.ts";
import type { Network } from "../../protocol/api/networks.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { Context } from "./context/context.ts";
import { checkBackup, restoreNetwork } from "./operations/backup.ts";
import { cutEverything } from "./operations/cut-sessions.ts";
import { describeNetwork } from "./operations/describe.ts";
import { nextSweepAt, reconcile, sweep } from "./operations/sweep.ts";
import { hasTables, migrate } from "./store/migrations.ts";

export class Lifecycle {
  readonly #storage: DurableObjectStorage;
  readonly #context: Context;
  /** The database has its tables. */
  #migrated = false;
  /** When the alarm goes off, ms; null when none is set, undefined while that was not asked. */
  #alarmAt: number | null | undefined;

  constructor(storage: DurableObjectStorage, context: Context) {
    this.#storage = storage;
    this.#context = context;
  }

  get exists(): boolean {
    return this.#migrated && this.#context.store.network.get() !== null;
  }

  #migrate(): void {
    migrate(this.#storage, this.#context.now());
    this.#migrated = true;
  }

  /** After the object was started: brings up what is stored. Gives whether anything is. */
  wake(): boolean {
    if (!hasTables(this.#storage)) return false;
    this.#migrate();
    if (this.exists) reconcile(this.#context);
    return true;
  }

  /** Makes the network; again with the same id, tells what it is. */
  async create(request: { id: string; name: string; createdAt: number; actor: string }): Promise<Network> {
    const { store, authorities } = this.#context;
    if (!this.exists) {
      const { id, name, createdAt, actor } = request;
      const row = await authorities.makeNetwork(id, name, createdAt, this.#context.now());
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
   * Makes it from a backup, where there is none; all of it or nothing.
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

  /** Ends it: every uplink, every session, everything stored. */
  async destroy(): Promise<void> {
    if (!this.exists) return;
    const { uplinks } = this.#context;
    for (const uplink of uplinks.all()) uplinks.refuse(uplink, "network.unknown");
    await cutEverything(this.#context, "session.revoked");
    await this.#storage.deleteAlarm();
    this.#alarmAt = null;
    await this.#context.store.deleteAll();
    this.#migrated = false;
    // Those that came while the lanes were cut.
    for (const uplink of uplinks.all()) uplinks.refuse(uplink, "network.unknown");
  }

  /** Sets the alarm for what is due next; an idle network has none. */
  async schedule(): Promise<void> {
    if (!this.exists) return;
    const due = nextSweepAt(this.#context);
    if (due === null) return;
    if (this.#alarmAt === undefined) this.#alarmAt = await this.#storage.getAlarm();
    if (this.#alarmAt !== null && this.#alarmAt <= due) return;
    this.#alarmAt = due;
    await this.#storage.setAlarm(due);
  }

  /** The alarm went off. */
  async handleAlarm(): Promise<void> {
    this.#alarmAt = null;
    if (!this.exists) return;
    sweep(this.#context);
    await this.schedule();
  }
}
