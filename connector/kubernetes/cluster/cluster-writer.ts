/** Writes objects while this process leads, and names the rights that it lacks. */
import type { ApiClient, WriteMethod } from "../api/api-client.ts";
import { ApiError } from "../api/failure.ts";
import { apiVersionOf, collectionPath, type Kind, objectPath } from "../api/kinds.ts";
import type { ClusterWriter, Meta, Writable } from "./cluster.ts";
import { type RefusedRights, type Right, rightOf } from "./refused-rights.ts";

export interface GuardedWriterOptions {
  readonly client: ApiClient;
  /** Aborts when the term ends in which this process leads; null while it does not lead. */
  readonly term: () => AbortSignal | null;
  readonly rights: RefusedRights;
  /** Hears of each write that failed for another reason than a conflict. */
  readonly failed: () => void;
}

type Stored = Record<string, unknown>;

interface Write {
  readonly method: WriteMethod;
  readonly path: string;
  readonly body: unknown;
  readonly right: Right;
}

/** Answers that a caller expects: an object that is there already, has changed, or is gone. */
const EXPECTED = [404, 409];

export class GuardedWriter implements ClusterWriter {
  readonly #options: GuardedWriterOptions;

  constructor(options: GuardedWriterOptions) {
    this.#options = options;
  }

  async create(kind: Kind, namespace: string, object: Writable): Promise<Stored> {
    const path = collectionPath(kind, namespace);
    const right = rightOf("create", kind, namespace);
    return await this.#write({ method: "POST", path, body: typed(kind, object), right });
  }

  async update(kind: Kind, namespace: string, object: Writable): Promise<Stored> {
    const path = objectPath(kind, namespace, object.metadata.name);
    const right = rightOf("update", kind, namespace);
    return await this.#write({ method: "PUT", path, body: typed(kind, object), right });
  }

  async updateStatus(kind: Kind, namespace: string, object: Writable): Promise<Stored> {
    const path = `${objectPath(kind, namespace, object.metadata.name)}/status`;
    const right = rightOf("update", kind, namespace, "/status");
    return await this.#write({ method: "PUT", path, body: typed(kind, object), right });
  }

  async delete(
    kind: Kind,
    { namespace, name, uid, resourceVersion }: Pick<Meta, "namespace" | "name" | "uid" | "resourceVersion">,
  ): Promise<void> {
    const path = objectPath(kind, namespace, name);
    const preconditions = { uid, resourceVersion };
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions };
    await this.#write({ method: "DELETE", path, body, right: rightOf("delete", kind, namespace) });
  }

  async get(kind: Kind, namespace: string, name: string): Promise<Stored | null> {
    const right = rightOf("get", kind, namespace);
    try {
      const found = await this.#options.client.get(objectPath(kind, namespace, name));
      this.#options.rights.granted(right);
      return found as Stored;
    } catch (error) {
      if (error instanceof ApiError && error.failure.status === 404) return null;
      this.#refused(error, right);
      throw error;
    }
  }

  async #write({ method, path, body, right }: Write): Promise<Stored> {
    const { client, term, rights, failed } = this.#options;
    const signal = term();
    if (signal === null || signal.aborted) throw notLeading();
    try {
      const stored = await client.write(method, path, { body, signal });
      rights.granted(right);
      return stored as Stored;
    } catch (error) {
      if (signal.aborted) throw notLeading();
      this.#refused(error, right);
      const status = error instanceof ApiError ? error.failure.status : null;
      if (status === null || !EXPECTED.includes(status)) failed();
      throw error;
    }
  }

  #refused(error: unknown, right: Right): void {
    if (isMissingRight(error)) this.#options.rights.refused(right);
  }
}

/** Whether a request was refused for a missing right, and not because its namespace is being deleted. */
export const isMissingRight = (error: unknown): boolean =>
  error instanceof ApiError && error.failure.status === 403 && error.failure.isTerminating !== true;

const typed = (kind: Kind, object: Writable) => ({
  apiVersion: apiVersionOf(kind),
  kind: kind.kind,
  ...object,
});

const notLeading = () =>
  new ApiError({ status: null, message: "Another connector of the site leads, or none does." });
