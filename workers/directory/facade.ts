/** The directory as the Worker sees it: the only way to it, and typed. */
import itty from "itty-durable";
import { z } from "zod";
import { DirectoryDump, type KeyRecord } from "../../protocol/api/backup.ts";
import { type EventQuery, NetworkEvent } from "../../protocol/api/events.ts";
import { ApiKey } from "../../protocol/api/keys.ts";
import { Network } from "../../protocol/api/networks.ts";
import { ErrorBody, FairleadError } from "../../protocol/errors.ts";
import type { Result } from "../result.ts";
import { type Method, RESTORE_URL } from "./directory.ts";

/** Name of the one object. */
const NAME = "directory";

type IttyStub = Record<string, (...parameters: unknown[]) => Promise<unknown>>;

/**
 * Refusals are data; a directory that cannot answer is `edge.internal`. `actor` is who does it, for the edge's
 * log.
 */
export interface DirectoryFacade {
  /** network.taken */
  createNetwork(network: Network, actor: string): Promise<Result<Network>>;
  /** By id or by name; an id goes first. */
  findNetwork(nameOrId: string): Promise<Network | null>;
  /** Sorted by name. */
  listNetworks(): Promise<Network[]>;
  /** network.unknown */
  deleteNetwork(id: string, actor: string): Promise<Result<Network>>;
  /** Has it in the log that a network's registry was restored. */
  noteRestored(network: Network, actor: string): Promise<null>;
  createKey(key: KeyRecord, actor: string): Promise<Result<ApiKey>>;
  /** Oldest first. */
  listKeys(): Promise<ApiKey[]>;
  /** key.unknown */
  deleteKey(id: string, actor: string): Promise<Result<ApiKey>>;
  /** By SHA-256 of the key's text, lower-case hex; notes that the key was used, to the minute. */
  useKey(hash: string): Promise<ApiKey | null>;
  /** Has it in the log that somebody was refused. The caller sees to it that this is not too often. */
  noteRefusedKey(refusal: { code: string; text: string }): Promise<null>;
  /** The edge's own events. */
  events(query: EventQuery): Promise<NetworkEvent[]>;
  dump(): Promise<DirectoryDump>;
  /** backup.not_empty */
  restore(dump: DirectoryDump, actor: string): Promise<Result<Network[]>>;
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
  async function restore(dump: DirectoryDump, actor: string): Promise<Result<Network[]>> {
    const body = JSON.stringify({ dump, actor });
    const answer = await namespace.getByName(NAME).fetch(RESTORE_URL, { method: "POST", body });
    return resultOf(z.array(Network)).parse(await answer.json());
  }
  return {
    createNetwork: (network, actor) => call(resultOf(Network), "createNetwork", { network, actor }),
    findNetwork: (nameOrId) => call(Network.nullable(), "findNetwork", nameOrId),
    listNetworks: () => call(z.array(Network), "listNetworks"),
    deleteNetwork: (id, actor) => call(resultOf(Network), "deleteNetwork", { id, actor }),
    noteRestored: (network, actor) => call(z.null(), "noteRestored", { network, actor }),
    createKey: (key, actor) => call(resultOf(ApiKey), "createKey", { key, actor }),
    listKeys: () => call(z.array(ApiKey), "listKeys"),
    deleteKey: (id, actor) => call(resultOf(ApiKey), "deleteKey", { id, actor }),
    useKey: (hash) => call(ApiKey.nullable(), "useKey", hash),
    noteRefusedKey: (refusal) => call(z.null(), "noteRefusedKey", refusal),
    events: (query) => call(z.array(NetworkEvent), "events", query),
    dump: () => call(DirectoryDump, "dump"),
    restore,
  };
}
