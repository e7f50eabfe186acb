/**
 * The hostnames that the network has, and what its instances publish by them. Instances repeat theirs in each hello,
 * and the directory has the hostnames, so these are values of the platform's key-value storage, and in no backup.
 */
import * as z from "zod";
import type { InstanceId } from "../../../protocol/instance-id.ts";
import { Ingress } from "../../../protocol/uplink/messages.ts";
import type { DeclaredIngress } from "../policy/ingress.ts";

const HOSTNAMES = "hostnames";
const PREFIX = "ingress:";

const Hostnames = z.array(z.string());
const Declared = z.object({
  site: z.string(),
  boot: z.string(),
  entries: z.array(Ingress.extend({ since: z.number() })),
});

export class IngressTable {
  readonly #kv: SyncKvStorage;

  constructor(storage: DurableObjectStorage) {
    this.#kv = storage.kv;
  }

  /** Patterns of the hostnames that the network has. */
  hostnames(): readonly string[] {
    return Hostnames.safeParse(this.#kv.get(HOSTNAMES)).data ?? [];
  }

  setHostnames(patterns: readonly string[]): void {
    this.#kv.put(HOSTNAMES, [...patterns]);
  }

  /** Whether an instance publishes anything. */
  has({ site, boot }: InstanceId): boolean {
    return this.#kv.get(`${PREFIX}${site}:${boot}`) !== undefined;
  }

  /** What all instances publish, whether it is accepted or not. */
  declared(): DeclaredIngress[] {
    const all: DeclaredIngress[] = [];
    for (const [, value] of this.#kv.list({ prefix: PREFIX })) {
      const { success, data } = Declared.safeParse(value);
      if (!success) continue;
      const { site, boot, entries } = data;
      for (const entry of entries) all.push({ ...entry, instance: { site, boot } });
    }
    return all;
  }

  /**
   * Replaces what an instance publishes. An entry that it published before keeps its time.
   * @param now ms since 1970
   */
  replace({ site, boot }: InstanceId, ingress: readonly Ingress[], now: number): void {
    const key = `${PREFIX}${site}:${boot}`;
    const before = Declared.safeParse(this.#kv.get(key)).data?.entries ?? [];
    if (ingress.length === 0) {
      if (before.length > 0) this.#kv.delete(key);
      return;
    }
    const entries = ingress.map((entry) => ({ ...entry, since: sinceOf(before, entry) ?? now }));
    this.#kv.put(key, { site, boot, entries });
  }

  /** Forgets instances that `isGone` selects. */
  prune(isGone: (instance: InstanceId) => boolean): void {
    for (const [key, value] of [...this.#kv.list({ prefix: PREFIX })]) {
      const { success, data } = Declared.safeParse(value);
      if (!success || isGone(data)) this.#kv.delete(key);
    }
  }
}

function sinceOf(
  before: readonly (Ingress & { readonly since: number })[],
  { service, hostname, access }: Ingress,
): number | undefined {
  return before.find(
    (each) => each.hostname === hostname && each.service === service && each.access === access,
  )?.since;
}
