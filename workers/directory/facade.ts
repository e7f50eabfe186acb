/** The typed facade of the directory, and the only way to it. */
import itty from "itty-durable";
import * as z from "zod";
import { DirectoryDump, type KeyRecord } from "../../protocol/api/backup.ts";
import { type EventPage, type EventQuery, NetworkEvent } from "../../protocol/api/events.ts";
import { DoorKey, type DoorKeyRecord, HostnameGrant } from "../../protocol/api/hostnames.ts";
import { ApiKey } from "../../protocol/api/keys.ts";
import { Network } from "../../protocol/api/networks.ts";
import { ErrorBody, FairleadError } from "../../protocol/errors.ts";
import type { Result } from "../result.ts";
import { type Method, RESTORE_URL } from "./directory.ts";

/** Name of the one object. */
const NAME = "directory";

type IttyStub = Record<string, (...parameters: unknown[]) => Promise<unknown>>;

/**
 * The methods of the directory. Refusals are data; a failed call is `edge.internal`. `actor` is the caller's
 * name, for the edge's event log.
 */
export interface DirectoryFacade {
  /** Reserves a network's name. Error: network.taken. */
  createNetwork(network: Network, actor: string): Promise<Result<Network>>;
  /** Finds a network by id or name; an id takes precedence. */
  findNetwork(nameOrId: string): Promise<Network | null>;
  /** All networks, sorted by name. */
  listNetworks(): Promise<Network[]>;
  /** Error: network.unknown. */
  deleteNetwork(id: string, actor: string): Promise<Result<Network>>;
  /** Logs that a network's registry was restored. */
  noteRestored(network: Network, actor: string): Promise<null>;
  createKey(key: KeyRecord, actor: string): Promise<Result<ApiKey>>;
  /** All keys, oldest first. */
  listKeys(): Promise<ApiKey[]>;
  /** Error: key.unknown. */
  deleteKey(id: string, actor: string): Promise<Result<ApiKey>>;
  /** Finds a key by the SHA-256 of its text, lower-case hex, and notes its use, to the minute. */
  useKey(hash: string): Promise<ApiKey | null>;
  /** Logs a refused key. The caller limits the rate. */
  noteRefusedKey(refusal: { code: string; text: string }): Promise<null>;
  /** Notes in the event log that a user of the console was created, changed or removed. */
  noteConsoleUser(text: string, actor: string): Promise<null>;
  /** Grants a pattern of hostnames to a network; again for the same network changes nothing. Error: hostname.taken. */
  grantHostname(pattern: string, network: string, actor: string): Promise<Result<HostnameGrant>>;
  /** Withdraws a grant, and deletes the keys for hostnames that only it granted. Error: hostname.unknown. */
  withdrawHostname(pattern: string, network: string, actor: string): Promise<Result<HostnameGrant>>;
  /** The grants of a network, sorted by pattern. */
  listHostnames(network: string): Promise<HostnameGrant[]>;
  /** Id of the network that has a hostname, by the most specific pattern. */
  networkOfHostname(hostname: string): Promise<string | null>;
  /** Error: hostname.unknown when the network does not have the hostname. */
  createDoorKey(key: DoorKeyRecord, actor: string): Promise<Result<DoorKey>>;
  /** The keys for doors of a network, oldest first. */
  listDoorKeys(network: string): Promise<DoorKey[]>;
  /** Error: key.unknown. */
  deleteDoorKey(id: string, network: string, actor: string): Promise<Result<DoorKey>>;
  /** Finds a key for a hostname of a network by the SHA-256 of its text, and notes its use, to the minute. */
  useDoorKey(use: { network: string; hostname: string; hash: string }): Promise<DoorKey | null>;
  /** A page of the edge's own events. */
  events(query: EventQuery): Promise<EventPage>;
  dump(): Promise<DirectoryDump>;
  /** Error: backup.not_empty. */
  restore(dump: DirectoryDump, actor: string): Promise<Result<Network[]>>;
}

const PageOfEvents = z.object({
  events: z.array(NetworkEvent),
  more: z.boolean(),
  newest: z.number(),
  began: z.string(),
});

const resultOf = <T extends z.ZodType>(value: T) =>
  z.discriminatedUnion("ok", [
    z.object({ ok: z.literal(true), value }),
    z.object({ ok: z.literal(false), error: ErrorBody }),
  ]);

/**
 * JSON in ASCII. itty-durable sends parameters in a header, and workerd logs a header that is not ASCII
 * together with all other headers.
 */
function toText(parameter: unknown): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(parameter).replaceAll(/[^\x20-\x7e]/g, escaped);
}

/** Opens the directory. */
export function openDirectory(namespace: DurableObjectNamespace): DirectoryFacade {
  async function call<T extends z.ZodType>(schema: T, method: Method, parameter?: unknown) {
    // A stub for each call, and never awaited: the proxy has every property, `then` among them.
    const stub: IttyStub = itty.proxyDurable(namespace, { parse: true }).get(NAME);
    try {
      return schema.parse(await stub[method]?.(toText(parameter ?? null)));
    } catch (cause) {
      throw new FairleadError("edge.internal", `The directory failed in ${method}.`, { cause });
    }
  }
  async function restore(dump: DirectoryDump, actor: string): Promise<Result<Network[]>> {
    const body = JSON.stringify({ dump, actor });
    const response = await namespace.getByName(NAME).fetch(RESTORE_URL, { method: "POST", body });
    return resultOf(z.array(Network)).parse(await response.json());
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
    noteConsoleUser: (text, actor) => call(z.null(), "noteConsoleUser", { text, actor }),
    noteRefusedKey: (refusal) => call(z.null(), "noteRefusedKey", refusal),
    grantHostname: (pattern, network, actor) =>
      call(resultOf(HostnameGrant), "grantHostname", { pattern, network, actor }),
    withdrawHostname: (pattern, network, actor) =>
      call(resultOf(HostnameGrant), "withdrawHostname", { pattern, network, actor }),
    listHostnames: (network) => call(z.array(HostnameGrant), "listHostnames", network),
    networkOfHostname: (hostname) => call(z.string().nullable(), "networkOfHostname", hostname),
    createDoorKey: (key, actor) => call(resultOf(DoorKey), "createDoorKey", { key, actor }),
    listDoorKeys: (network) => call(z.array(DoorKey), "listDoorKeys", network),
    deleteDoorKey: (id, network, actor) => call(resultOf(DoorKey), "deleteDoorKey", { id, network, actor }),
    useDoorKey: (use) => call(DoorKey.nullable(), "useDoorKey", use),
    events: (query) => call(PageOfEvents, "events", query),
    dump: () => call(DirectoryDump, "dump"),
    restore,
  };
}
