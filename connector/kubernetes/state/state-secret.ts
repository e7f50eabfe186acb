/**
 * The Secret with the state of a site, whose connectors share it. It is read and watched by its name alone: a connector
 * never lists Secrets.
 */
import * as z from "zod";
import type { SharedFiles } from "../../state/shared-state.ts";
import type { Files } from "../../state/store.ts";
import type { ApiClient } from "../api/api-client.ts";
import { ApiError } from "../api/failure.ts";
import { apiVersionOf, collectionPath, KINDS, objectPath } from "../api/kinds.ts";
import { MANAGED_BY_LABEL, MANAGER, ownLabels } from "../cluster/names.ts";
import { stateFailure } from "./state-failure.ts";

/** Time limit of a request, ms: a command waits for it. */
const REQUEST_MS = 5000;
const NOT_FOUND = 404;
const CONFLICT = 409;

/** What is read of the Secret. The rest of it is written back as it is. */
const Secret = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    resourceVersion: z.string(),
    labels: z.record(z.string(), z.string()).nullish(),
  }),
  data: z.record(z.string(), z.string()).nullish(),
});
type Secret = z.infer<typeof Secret>;

export interface StateSecretOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly name: string;
  /** Names of the files that the Secret has. Other entries are left alone. */
  readonly files: readonly string[];
  /** The id of the site that files are of; null before it joined. */
  readonly siteOf: (files: Files) => string | null;
  readonly signal: AbortSignal;
}

export class StateSecret implements SharedFiles {
  readonly label: string;
  readonly #options: StateSecretOptions;
  /** As it was read last; null where there was none. */
  #read: Secret | null = null;

  constructor(options: StateSecretOptions) {
    this.#options = options;
    this.label = `the Secret ${options.namespace}/${options.name}`;
  }

  async read(): Promise<Files | null> {
    const { client, namespace, name, files } = this.#options;
    const signal = this.#limit();
    try {
      this.#read = Secret.parse(await client.get(objectPath(KINDS.secrets, namespace, name), signal));
    } catch (error) {
      if (statusOf(error) !== NOT_FOUND) throw this.#failure(error, "get");
      this.#read = null;
      return null;
    }
    const { data } = this.#read;
    const found = files.flatMap((file) => {
      const value = data?.[file];
      return value === undefined ? [] : [[file, Buffer.from(value, "base64").toString("utf8")] as const];
    });
    return Object.fromEntries(found);
  }

  async write(files: Files): Promise<boolean> {
    const { client, namespace, name } = this.#options;
    const signal = this.#limit();
    const before = this.#read;
    const body = this.#secretWith(files);
    try {
      await (before === null
        ? client.write("POST", collectionPath(KINDS.secrets, namespace), { body, signal })
        : client.write("PUT", objectPath(KINDS.secrets, namespace, name), { body, signal }));
      return true;
    } catch (error) {
      const status = statusOf(error);
      // Made, changed or deleted by somebody else.
      if (status === CONFLICT || (status === NOT_FOUND && before !== null)) return false;
      throw this.#failure(error, before === null ? "create" : "update");
    }
  }

  /** The Secret as it was read, with other files. */
  #secretWith(files: Files): Record<string, unknown> {
    const before = this.#read;
    const site = this.#options.siteOf(files);
    const labels = site === null ? { [MANAGED_BY_LABEL]: MANAGER } : ownLabels(site);
    const encoded = Object.entries(files).map(
      ([file, content]) => [file, Buffer.from(content).toString("base64")] as const,
    );
    return {
      type: "Opaque",
      ...before,
      apiVersion: apiVersionOf(KINDS.secrets),
      kind: KINDS.secrets.kind,
      metadata: {
        name: this.#options.name,
        ...before?.metadata,
        labels: { ...before?.metadata.labels, ...labels },
      },
      data: { ...before?.data, ...Object.fromEntries(encoded) },
    };
  }

  #limit(): AbortSignal {
    return AbortSignal.any([this.#options.signal, AbortSignal.timeout(REQUEST_MS)]);
  }

  #failure(error: unknown, verb: string) {
    const { namespace } = this.#options;
    return stateFailure(error, { verb, namespace, label: this.label });
  }
}

const statusOf = (error: unknown): number | null => (error instanceof ApiError ? error.failure.status : null);
