/**
 * The directory: the networks, the API keys and the edge's own event log. It is one object, on itty-durable,
 * which stores the object's state as one JSON value and calls methods by HTTP request. Everything that
 * reaches its `fetch` can call it, so only `openDirectory` (facade.ts) may address it.
 */
import itty from "itty-durable";
import * as z from "zod";
import { BACKUP_VERSION, DirectoryDump, KeyRecord } from "../../protocol/api/backup.ts";
import { type EventPage, EventQuery, type NetworkEvent } from "../../protocol/api/events.ts";
import { type DoorKey, DoorKeyRecord, type HostnameGrant } from "../../protocol/api/hostnames.ts";
import type { ApiKey } from "../../protocol/api/keys.ts";
import { Network } from "../../protocol/api/networks.ts";
import { equalBytes } from "../../protocol/encoding.ts";
import { patternsOf } from "../../protocol/hostnames.ts";
import { failure, type Result, success } from "../result.ts";
import { DoorKeys } from "./door-keys.ts";
import { EdgeLog } from "./edge-log.ts";
import { Hostnames } from "./hostnames.ts";
import { KeyUses } from "./key-uses.ts";

/** The part of itty-durable (2.4) that is used here; its own types are `any`. */
interface IttyObject {
  persist(): Promise<void>;
  loadFromStorage(): Promise<void>;
  fetch(request: Request): Promise<Response>;
}
type IttyClass = new (state: DurableObjectState, env: object) => IttyObject;

const IttyBase: IttyClass = itty.createDurable({ autoPersist: false, autoReturn: false });

/** The methods that a call may name. itty-durable's own methods (`destroy`, `reset`) are not among them. */
export const METHODS = [
  "createNetwork",
  "findNetwork",
  "listNetworks",
  "deleteNetwork",
  "noteRestored",
  "createKey",
  "listKeys",
  "deleteKey",
  "useKey",
  "noteRefusedKey",
  "noteConsoleUser",
  "grantHostname",
  "withdrawHostname",
  "listHostnames",
  "networkOfHostname",
  "createDoorKey",
  "listDoorKeys",
  "deleteDoorKey",
  "useDoorKey",
  "events",
  "dump",
] as const;
export type Method = (typeof METHODS)[number];

/**
 * The URL of a restore. The backup is the body: itty-durable carries parameters in a header, which is too
 * small.
 */
export const RESTORE_URL = "https://itty-durable/restore";

const ActorParameter = z.object({ actor: z.string() });
const NetworkParameter = ActorParameter.extend({ network: Network });
const KeyParameter = ActorParameter.extend({ key: KeyRecord });
const IdParameter = ActorParameter.extend({ id: z.string() });
const HostnameParameter = ActorParameter.extend({ pattern: z.string(), network: z.string() });
const DoorKeyParameter = ActorParameter.extend({ key: DoorKeyRecord });
const DeletedDoorKeyParameter = ActorParameter.extend({ id: z.string(), network: z.string() });
const UsedDoorKeyParameter = z.object({ network: z.string(), hostname: z.string(), hash: z.string() });
const RefusalParameter = z.object({ code: z.string(), text: z.string().max(1000) });
const ConsoleUserParameter = ActorParameter.extend({ text: z.string().max(1000) });
const RestoreParameter = ActorParameter.extend({ dump: DirectoryDump });

/**
 * The Durable Object. Methods take their parameter as JSON text (facade.ts). Each method decides and changes
 * memory without awaiting, and then persists, so calls cannot interleave between decision and change. Every
 * public field is stored.
 */
export class Directory extends IttyBase {
  networks: Record<string, Network> = {};
  keys: Record<string, KeyRecord> = {};
  readonly #log: EdgeLog;
  readonly #uses: KeyUses;
  readonly #hostnames: Hostnames;
  readonly #doorKeys: DoorKeys;

  constructor(state: DurableObjectState) {
    // itty-durable copies its `env` onto the object's state, so it gets none of the secrets.
    super(state, {});
    this.#log = new EdgeLog(state.storage.sql);
    this.#uses = new KeyUses(state.storage.sql);
    this.#hostnames = new Hostnames(state.storage.sql);
    this.#doorKeys = new DoorKeys(state.storage.sql, this.#uses);
    // Without the block, the first two calls would load at the same time.
    void state.blockConcurrencyWhile(() => this.loadFromStorage());
  }

  override async fetch(request: Request): Promise<Response> {
    if (request.url === RESTORE_URL && request.method === "POST") {
      return Response.json(await this.restore(await request.text()));
    }
    const { origin, pathname } = new URL(request.url);
    const known = METHODS.some((method) => pathname === `/do/call/${method}`);
    if (origin !== "https://itty-durable" || !known) return new Response(null, { status: 404 });
    return super.fetch(request);
  }

  async createNetwork(text: string): Promise<Result<Network>> {
    const { network, actor } = NetworkParameter.parse(JSON.parse(text));
    if (Object.values(this.networks).some((known) => known.name === network.name)) {
      return failure("network.taken", `A network named "${network.name}" exists.`);
    }
    this.networks[network.id] = network;
    this.#note("network.created", `Network ${network.name} (${network.id}) was created.`, actor);
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
    const { id, actor } = IdParameter.parse(JSON.parse(text));
    const network = Object.values(this.networks).find((known) => known.id === id);
    if (network === undefined) return failure("network.unknown");
    delete this.networks[network.id];
    this.#hostnames.withdrawAll(network.id);
    this.#doorKeys.deleteOf(network.id);
    this.#note("network.deleted", `Network ${network.name} (${network.id}) was deleted.`, actor);
    await this.persist();
    return success(network);
  }

  noteRestored(text: string): null {
    const { network, actor } = NetworkParameter.parse(JSON.parse(text));
    this.#note("network.restored", `Network ${network.name} (${network.id}) was restored.`, actor);
    return null;
  }

  async createKey(text: string): Promise<Result<ApiKey>> {
    const { key, actor } = KeyParameter.parse(JSON.parse(text));
    this.keys[key.id] = key;
    const where = key.networks === null ? "all networks" : key.networks.join(", ") || "no network";
    this.#note("key.created", `Key ${key.name} (${key.id}) was created: ${key.role} of ${where}.`, actor);
    await this.persist();
    return success(this.#describe(key));
  }

  listKeys(): ApiKey[] {
    return Object.values(this.keys)
      .map((key) => this.#describe(key))
      .sort((left, right) => (left.createdAt < right.createdAt ? -1 : 1));
  }

  async deleteKey(text: string): Promise<Result<ApiKey>> {
    const { id, actor } = IdParameter.parse(JSON.parse(text));
    const key = Object.values(this.keys).find((known) => known.id === id);
    if (key === undefined) return failure("key.unknown");
    const shown = this.#describe(key);
    delete this.keys[key.id];
    this.#uses.forget(key.id);
    this.#note("key.revoked", `Key ${key.name} (${key.id}) was deleted.`, actor);
    await this.persist();
    return success(shown);
  }

  /** Compares with every key, each in constant time, so the duration reveals nothing about a hash. */
  useKey(text: string): ApiKey | null {
    const wanted = new TextEncoder().encode(z.string().parse(JSON.parse(text)));
    let found: KeyRecord | null = null;
    for (const key of Object.values(this.keys)) {
      if (equalBytes(new TextEncoder().encode(key.hash), wanted)) found = key;
    }
    if (found === null) return null;
    this.#uses.note(found.id, Date.now());
    return this.#describe(found);
  }

  /** Grants a pattern of hostnames to a network. The first network that has a pattern keeps it. */
  grantHostname(text: string): Result<HostnameGrant> {
    const { pattern, network, actor } = HostnameParameter.parse(JSON.parse(text));
    const grant = this.#hostnames.grant(pattern, network, Date.now());
    if (grant.network === network) return success(grant);
    const [wanted, owner] = [network, grant.network].map((id) => this.networks[id]?.name ?? id);
    this.#note(
      "hostname.refused",
      `Hostname ${pattern} was not granted to network ${wanted}: network ${owner} has it.`,
      actor,
    );
    return failure("hostname.taken", `The hostname ${pattern} is granted to another network.`);
  }

  /** Withdraws a grant, and deletes the keys for the hostnames that the network loses with it. */
  withdrawHostname(text: string): Result<HostnameGrant> {
    const { pattern, network } = HostnameParameter.parse(JSON.parse(text));
    const grant = this.#hostnames.withdraw(pattern, network);
    if (grant === null) return failure("hostname.unknown", `The network has no hostname ${pattern}.`);
    this.#doorKeys.deleteOf(
      network,
      (hostname) => patternsOf(hostname).includes(pattern) && this.#hostnames.networkOf(hostname) !== network,
    );
    return success(grant);
  }

  listHostnames(text: string): HostnameGrant[] {
    return this.#hostnames.list(z.string().parse(JSON.parse(text)));
  }

  /** The id of the network that has a hostname. */
  networkOfHostname(text: string): string | null {
    return this.#hostnames.networkOf(z.string().parse(JSON.parse(text)));
  }

  createDoorKey(text: string): Result<DoorKey> {
    const { key, actor } = DoorKeyParameter.parse(JSON.parse(text));
    if (this.#hostnames.networkOf(key.hostname) !== key.network) {
      return failure("hostname.unknown", `The network has no hostname ${key.hostname}.`);
    }
    const made = this.#doorKeys.add(key);
    this.#note("key.created", `Key ${key.name} (${key.id}) for the door ${key.hostname} was created.`, actor);
    return success(made);
  }

  listDoorKeys(text: string): DoorKey[] {
    return this.#doorKeys.list(z.string().parse(JSON.parse(text)));
  }

  deleteDoorKey(text: string): Result<DoorKey> {
    const { id, network, actor } = DeletedDoorKeyParameter.parse(JSON.parse(text));
    const key = this.#doorKeys.delete(id, network);
    if (key === null) return failure("key.unknown");
    this.#note("key.revoked", `Key ${key.name} (${key.id}) for the door ${key.hostname} was deleted.`, actor);
    return success(key);
  }

  useDoorKey(text: string): DoorKey | null {
    const { network, hostname, hash } = UsedDoorKeyParameter.parse(JSON.parse(text));
    return this.#doorKeys.use(network, hostname, hash, Date.now());
  }

  noteRefusedKey(text: string): null {
    const { code, text: sentence } = RefusalParameter.parse(JSON.parse(text));
    this.#log.add({ type: "key.refused", text: sentence, code, actor: "edge" }, Date.now());
    return null;
  }

  noteConsoleUser(text: string): null {
    const { text: sentence, actor } = ConsoleUserParameter.parse(JSON.parse(text));
    this.#note("console.user", sentence, actor);
    return null;
  }

  events(text: string): EventPage {
    return this.#log.page(EventQuery.parse(JSON.parse(text)));
  }

  dump(): DirectoryDump {
    return {
      kind: "fairlead/directory",
      version: BACKUP_VERSION,
      at: new Date().toISOString(),
      networks: this.listNetworks(),
      keys: Object.values(this.keys).map((key) => ({ ...key, lastUsedAt: this.#uses.lastOf(key.id) })),
      events: this.#log.all(),
      hostnames: this.#hostnames.list(null),
      doorKeys: this.#doorKeys.dump(),
    };
  }

  /** Restores into a directory without networks and keys. The log is replaced, and notes the restore. */
  async restore(text: string): Promise<Result<Network[]>> {
    const { dump, actor } = RestoreParameter.parse(JSON.parse(text));
    if (Object.keys(this.networks).length > 0 || Object.keys(this.keys).length > 0) {
      return failure("backup.not_empty", "This edge has networks or keys already.");
    }
    this.networks = Object.fromEntries(dump.networks.map((network) => [network.id, network]));
    this.keys = Object.fromEntries(dump.keys.map((key) => [key.id, { ...key, lastUsedAt: null }]));
    this.#uses.restore(dump.keys);
    this.#hostnames.restore(dump.hostnames ?? []);
    this.#doorKeys.restore(dump.doorKeys ?? []);
    this.#log.restore(dump.events, Date.now());
    const restored = `${dump.networks.length} network(s) and ${dump.keys.length} key(s)`;
    this.#note("network.restored", `The directory was restored: ${restored}, as of ${dump.at}.`, actor);
    await this.persist();
    return success(this.listNetworks());
  }

  #note(type: NetworkEvent["type"], text: string, actor: string): void {
    this.#log.add({ type, text, actor }, Date.now());
  }

  #describe({ hash: _, ...key }: KeyRecord): ApiKey {
    return { ...key, lastUsedAt: this.#uses.lastOf(key.id) };
  }
}
