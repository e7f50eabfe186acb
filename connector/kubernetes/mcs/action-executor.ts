/** Carries out planned writes. What has changed since the plan is left to the next one. */
import { ApiError } from "../api/failure.ts";
import type { Kind } from "../api/kinds.ts";
import type { Cluster, Meta, Writable } from "../cluster/cluster.ts";
import { metaOf } from "../cluster/keep.ts";
import { isOwn } from "../cluster/names.ts";
import type { Action, Fields } from "./import-plan.ts";

type Stored = Record<string, unknown>;

export class ActionExecutor {
  readonly #cluster: Pick<Cluster, "writer" | "events" | "siteId">;
  /** Ids of the objects of others that were told of. */
  readonly #told = new Set<string>();

  constructor(cluster: Pick<Cluster, "writer" | "events" | "siteId">) {
    this.#cluster = cluster;
  }

  /** Carries an action out. Returns false if the object is another one by now. @throws ApiError */
  async run(action: Action): Promise<boolean> {
    const { writer } = this.#cluster;
    try {
      switch (action.do) {
        case "create":
          return await this.#create(action);
        case "delete":
          await writer.delete(action.kind, action.meta);
          return true;
        default:
          return await this.#replace(action);
      }
    } catch (error) {
      // The view tells what is there now.
      if (action.do !== "create" && isStale(error)) return false;
      throw error;
    }
  }

  async #create({ kind, object }: Extract<Action, { do: "create" }>): Promise<boolean> {
    const { writer } = this.#cluster;
    const { name, namespace = "" } = object.metadata;
    try {
      await writer.create(kind, namespace, object);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError) || error.failure.status !== 409) throw error;
      const there = await writer.get(kind, namespace, name);
      if (there !== null) this.tellTaken(kind, metaOf(there));
      return false;
    }
  }

  /** Says that somebody else has the name of an object, once about each such object. */
  tellTaken(kind: Kind, { namespace, name, uid, labels }: Meta): void {
    const { events, siteId } = this.#cluster;
    if (isOwn(labels, siteId) || this.#told.has(uid)) return;
    this.#told.add(uid);
    events.record({
      about: { kind, namespace, name, uid },
      ...{ type: "Warning", reason: "NameTaken", action: "Import" },
      note: `This ${kind.kind} was made by somebody else and stays as it is. Delete it, so that the connector can make its own for the service that other clusters export.`,
    });
  }

  async #replace({ do: what, kind, meta, fields }: Extract<Action, { fields: Fields }>): Promise<boolean> {
    const { writer } = this.#cluster;
    const stored = await writer.get(kind, meta.namespace, meta.name);
    if (stored === null || metaOf(stored).resourceVersion !== meta.resourceVersion) return false;
    const object: Writable = {
      ...withFields(stored, fields),
      metadata: metadataWith(stored, fields, meta.name),
    };
    if (what === "update") await writer.update(kind, meta.namespace, object);
    else await writer.updateStatus(kind, meta.namespace, object);
    return true;
  }
}

/** The object with other fields in its parts. Lists are replaced as a whole. */
function withFields(stored: Stored, fields: Fields): Stored {
  const parts = Object.entries(fields).map(([part, value]) => [
    part,
    isRecord(value) && isRecord(stored[part]) ? { ...stored[part], ...value } : value,
  ]);
  return { ...stored, ...Object.fromEntries(parts) };
}

const metadataWith = ({ metadata }: Stored, { metadata: changed }: Fields, name: string) => ({
  ...(isRecord(metadata) ? metadata : {}),
  ...(isRecord(changed) ? changed : {}),
  name,
});

const isRecord = (value: unknown): value is Stored =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isStale = (error: unknown): boolean =>
  error instanceof ApiError && (error.failure.status === 409 || error.failure.status === 404);

/** What nobody can mend but by making the namespace, or by waiting until it is gone. */
export const isNamespaceGone = (error: unknown): boolean =>
  error instanceof ApiError && (error.failure.status === 404 || error.failure.isTerminating === true);
