/**
 * What ServiceExports offered before a restart. A connector that starts while the API server is away goes on offering it,
 * so that no other cluster deletes its import.
 */
import * as z from "zod";
import { Port, ServiceName, ServiceProtocol } from "../../../protocol/names.ts";
import { HeadlessPod, ServiceExportDetails } from "../../../protocol/uplink/export-details.ts";
import type { Log } from "../../log.ts";
import type { StateStore } from "../../state/store.ts";
import type { ManagedExposure } from "../../targets/managed-exposures.ts";

const FILE = "kubernetes-mcs.json";

/** Time between a change and its storage, ms: pods come and go. */
const SAVE_MS = 10_000;

const Exposure = z.object({
  name: ServiceName,
  source: z.string(),
  ports: z
    .array(
      z.object({
        servicePort: Port,
        protocol: ServiceProtocol,
        targets: z.array(z.object({ host: z.string(), port: Port })),
      }),
    )
    .min(1),
  export: ServiceExportDetails,
  headless: HeadlessPod.optional(),
});

const MemoryFile = z.object({ exposures: z.array(Exposure) });

export class ExportMemory {
  readonly #state: Pick<StateStore, "readOrSetAside" | "writeAtomic">;
  readonly #log: Log;
  #unsaved: readonly ManagedExposure[] | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(state: Pick<StateStore, "readOrSetAside" | "writeAtomic">, log: Log) {
    this.#state = state;
    this.#log = log;
  }

  /** What was offered before. A damaged file is set aside. */
  async load(): Promise<readonly ManagedExposure[]> {
    const loss = "Exported Services are offered once the API server answers.";
    const stored = await this.#state.readOrSetAside(FILE, MemoryFile, { loss, log: this.#log });
    return stored?.exposures ?? [];
  }

  /** Stores what is offered, soon. */
  keep(exposures: readonly ManagedExposure[]): void {
    this.#unsaved = exposures;
    this.#timer ??= setTimeout(() => void this.save(), SAVE_MS).unref();
  }

  /** Stores what waits. A failure is logged: nothing but the next start depends on it. */
  async save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const exposures = this.#unsaved;
    this.#unsaved = null;
    if (exposures === null) return;
    try {
      await this.#state.writeAtomic(FILE, `${JSON.stringify({ exposures })}\n`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#log.warn({}, `What the ServiceExports offer was not stored: ${message}`);
    }
  }
}
