/**
 * The directory: which networks exist, and which keys people hold. One object, on itty-durable, which keeps
 * its state as one JSON value and calls methods by HTTP request. Whoever reaches its `fetch` can call it, so
 * nothing outside this file may address it: use {@link openDirectory}.
 */
import itty from "itty-durable";
import { z } from "zod";
import { ApiKey, Network } from "../../protocol/api.ts";
import { equalBytes } from "../../protocol/encoding.ts";
import { ErrorBody, FairleadError } from "../../protocol/errors.ts";
import { failure, type Result, success } from "../result.ts";

/** A key as it is stored: SHA-256 of its text (lower-case hex), never the text. */
export const KeyRecord = ApiKey.extend({ hash: z.string().regex(/^[0-9a-f]{64}$/) });
export type KeyRecord = z.infer<typeof KeyRecord>;

/** Name of the one object. */
const NAME = "directory";

/** What this file uses of itty-durable, whose own types say `any`. */
interface IttyObject {
  persist(): Promise<void>;
  loadFromStorage(): Promise<void>;
  fetch(request: Request): Promise<Response>;
}
type IttyClass = new (state: DurableObjectState, env: object) => IttyObject;
type IttyStub = Record<string, (...parameters: unknown[]) => Promise<unknown>>;

const IttyBase: IttyClass = itty.createDurable({ autoPersist: false, autoReturn: false });

/** The methods that a call may name: itty-durable's own (`destroy`, `reset`) are not for anybody. */
const METHODS = [
  "createNetwork",
  "findNetwork",
  "listNetworks",
  "deleteNetwork",
  "createKey",
  "listKeys",
  "deleteKey",
  "findKey",
] as const;
type Method = (typeof METHODS)[number];

/**
 * The object. Methods take their parameter as JSON text, see {@link toText}. Each decides and changes memory without awaiting, then persists: calls cannot interleave
 * between the decision and the change. Every field that is not private is stored.
 */
export class Directory extends IttyBase {
  networks: Record<string, Network> = {};
  keys: Record<string, KeyRecord> = {};

  constructor(state: DurableObjectState) {
    // itty-durable copies what it is given as `env` onto the object's state; the secrets in it stay out.
    super(state, {});
    // Otherwise the first two calls would load at the same time.
    void state.blockConcurrencyWhile(() => this.loadFromStorage());
  }

  override async fetch(request: Request): Promise<Response> {
    const { origin, pathname } = new URL(request.url);
    const known = METHODS.some((method) => pathname === `/do/call/${method}`);
    if (origin !== "https://itty-durable" || !known) return new Response(null, { status: 404 });
    return super.fetch(request);
  }

  async createNetwork(text: string): Promise<Result<Network>> {
    const network = Network.parse(JSON.parse(text));
    if (Object.values(this.networks).some((known) => known.name === network.name)) {
      return failure("network.taken", `A network named "${network.name}" exists.`);
    }
    this.networks[network.id] = network;
    await this.persist();
    return success(network);
  }

  findNetwork(text: string): Network | null {
    const nameOrId = z.string().parse(JSON.parse(text));
    const networks = Object.values(this.networks);
    return (
      networks.find((network) => network.id === nameOrId) ??
      networks.find((network) => network.name === nameOrId) ??
      null
    );
  }

  listNetworks(): Network[] {
    return Object.values(this.networks).sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  async deleteNetwork(text: string): Promise<Result<Network>> {
    const id = z.string().parse(JSON.parse(text));
    const network = Object.values(this.networks).find((known) => known.id === id);
    if (network === undefined) return failure("network.unknown");
    delete this.networks[network.id];
    await this.persist();
    return success(network);
  }

  async createKey(text: string): Promise<Result<ApiKey>> {
    const record = KeyRecord.parse(JSON.parse(text));
    this.keys[record.id] = record;
    await this.persist();
    return success(withoutHash(record));
  }

  listKeys(): ApiKey[] {
    return Object.values(this.keys)
      .map(withoutHash)
      .sort((left, right) => (left.createdAt < right.createdAt ? -1 : 1));
  }

  async deleteKey(text: string): Promise<Result<ApiKey>> {
    const id = z.string().parse(JSON.parse(text));
    const record = Object.values(this.keys).find((known) => known.id === id);
    if (record === undefined) return failure("key.unknown");
    delete this.keys[record.id];
    await this.persist();
    return success(withoutHash(record));
  }

  /** Compares with every key, each in constant time: how long it takes tells nothing about a hash. */
  findKey(text: string): ApiKey | null {
    const wanted = new TextEncoder().encode(z.string().parse(JSON.parse(text)));
    let found: KeyRecord | null = null;
    for (const record of Object.values(this.keys)) {
      if (equalBytes(new TextEncoder().encode(record.hash), wanted)) found = record;
    }
    return found === null ? null : withoutHash(found);
  }
}

function withoutHash({ hash: _, ...key }: KeyRecord): ApiKey {
  return key;
}

const resultOf = <T extends z.ZodType>(value: T) =>
  z.discriminatedUnion("ok", [
    z.object({ ok: z.literal(true), value }),
    z.object({ ok: z.literal(false), error: ErrorBody }),
  ]);

/**
 * JSON in ASCII: itty-durable puts parameters into a header, and what is not ASCII there is logged by the
 * runtime, with everything beside it.
 */
function toText(parameter: unknown): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(parameter).replaceAll(/[^\x20-\x7e]/g, escaped);
}

/** The directory as the Worker sees it. Refusals are data; a directory that cannot answer is `edge.internal`. */
export interface DirectoryFacade {
  /** network.taken */
  createNetwork(network: Network): Promise<Result<Network>>;
  /** By id or by name; an id goes first. */
  findNetwork(nameOrId: string): Promise<Network | null>;
  /** Sorted by name. */
  listNetworks(): Promise<Network[]>;
  /** network.unknown */
  deleteNetwork(id: string): Promise<Result<Network>>;
  createKey(record: KeyRecord): Promise<Result<ApiKey>>;
  /** Oldest first. */
  listKeys(): Promise<ApiKey[]>;
  /** key.unknown */
  deleteKey(id: string): Promise<Result<ApiKey>>;
  /** By SHA-256 of the key's text, lower-case hex. */
  findKey(hash: string): Promise<ApiKey | null>;
}

/** The directory behind its binding. */
export function openDirectory(namespace: DurableObjectNamespace): DirectoryFacade {
  async function call<T extends z.ZodType>(schema: T, method: Method, parameter?: unknown) {
    // A stub per call, and never awaited: it answers every property, `then` as well.
    const stub: IttyStub = itty.proxyDurable(namespace, { parse: true }).get(NAME);
    try {
      return schema.parse(await stub[method]?.(toText(parameter ?? null)));
    } catch (cause) {
      throw new FairleadError("edge.internal", `the directory failed in ${method}`, { cause });
    }
  }
  return {
    createNetwork: (network) => call(resultOf(Network), "createNetwork", network),
    findNetwork: (nameOrId) => call(Network.nullable(), "findNetwork", nameOrId),
    listNetworks: () => call(z.array(Network), "listNetworks"),
    deleteNetwork: (id) => call(resultOf(Network), "deleteNetwork", id),
    createKey: (record) => call(resultOf(ApiKey), "createKey", record),
    listKeys: () => call(z.array(ApiKey), "listKeys"),
    deleteKey: (id) => call(resultOf(ApiKey), "deleteKey", id),
    findKey: (hash) => call(ApiKey.nullable(), "findKey", hash),
  };
}
