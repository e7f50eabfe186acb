/**
 * What was exposed before a restart. A connector that starts while the API server is away goes on offering it, until it
 * sees the objects again.
 */
import * as z from "zod";
import { Port, ServiceName, ServiceProtocol } from "../../../protocol/names.ts";
import { HeadlessPod } from "../../../protocol/uplink/export-details.ts";
import { Offer } from "../../../protocol/uplink/messages.ts";
import { HealthTexts } from "../../config/health-options.ts";
import { Scope } from "../../config/scope.ts";
import type { Log } from "../../log.ts";
import type { StateStore } from "../../state/store.ts";
import { KINDS } from "../api/kinds.ts";
import type { Claim } from "./claim.ts";

export const MEMORY_FILE = "kubernetes-offers.json";

const Service = z.object({
  name: ServiceName,
  source: z.string(),
  ports: z
    .array(
      z.object({
        servicePort: Port,
        protocol: ServiceProtocol,
        grpc: z.literal(true).optional(),
        targets: z.array(z.object({ host: z.string(), port: Port })),
      }),
    )
    .min(1),
  to: Scope,
  health: HealthTexts.optional(),
  balance: z
    .object({
      mode: Offer.shape.balance.unwrap(),
      rank: Offer.shape.rank,
      weight: Offer.shape.weight,
    })
    .optional(),
  headless: HeadlessPod.optional(),
});

/** The kinds of objects that can be exposed, by name. */
const EXPOSED_KINDS = {
  Service: KINDS.services,
  Deployment: KINDS.deployments,
  StatefulSet: KINDS.statefulSets,
  DaemonSet: KINDS.daemonSets,
} as const;

const StoredClaim = z.object({
  kind: z.enum(["Service", "Deployment", "StatefulSet", "DaemonSet"]),
  namespace: z.string(),
  name: z.string(),
  uid: z.string().optional(),
  createdAt: z.string(),
  service: Service,
  pods: z.array(Service),
});

const MemoryFile = z.object({ claims: z.array(StoredClaim) });

export class ExportMemory {
  readonly #state: Pick<StateStore, "readOrSetAside" | "writeAtomic">;
  readonly #log: Log;

  constructor(state: Pick<StateStore, "readOrSetAside" | "writeAtomic">, log: Log) {
    this.#state = state;
    this.#log = log;
  }

  /** The claims of before. A damaged file is set aside. */
  async load(): Promise<readonly Claim[]> {
    const loss = "Objects of the cluster are exposed once the API server answers.";
    const stored = await this.#state.readOrSetAside(MEMORY_FILE, MemoryFile, { loss, log: this.#log });
    return (stored?.claims ?? []).map(({ kind, namespace, name, uid, createdAt, service, pods }) => ({
      about: { kind: EXPOSED_KINDS[kind], namespace, name, ...(uid === undefined ? {} : { uid }) },
      createdAt,
      outcome: { service, pods, warnings: [] },
    }));
  }

  /** Stores the claims that have a service. A failure is logged: nothing but the next start depends on it. */
  async save(claims: Iterable<Claim>): Promise<void> {
    const stored = [...claims].flatMap(({ about: { kind, namespace, name, uid }, createdAt, outcome }) => {
      const { service, pods } = outcome;
      return service === null ? [] : [{ kind: kind.kind, namespace, name, uid, createdAt, service, pods }];
    });
    try {
      await this.#state.writeAtomic(MEMORY_FILE, `${JSON.stringify({ claims: stored })}\n`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#log.warn({}, `What the cluster exposes was not stored: ${message}`);
    }
  }
}
