/**
 * The embedded edge: the built Worker on workerd on this machine, with its front, certificates and storage.
 */
import { cpSync } from "node:fs";
import { chmod, readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { CONSOLE_PATH, type ConsoleMode } from "../../protocol/api/console.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { EdgeAddresses, FormerAddress } from "../../protocol/front/former-address.ts";
import type { LanePort } from "../../protocol/front/front-status.ts";
import { sleep } from "../async/sleep.ts";
import { MAX_SOCKET_PATH } from "../control/server.ts";
import { type Log, silent } from "../log.ts";
import { partLog } from "../log-levels.ts";
import { descriptorLimit } from "../resources/descriptor-limit.ts";
import { openStateDirectory, type StateDirectory } from "../state/directory.ts";
import { stateError } from "../state/errors.ts";
import { makeDirectory } from "../state/make-directory.ts";
import { version } from "../version.ts";
import {
  type Address,
  type Addresses,
  certificateNames,
  formatAddress,
  isHostname,
  parseAddress,
  publicHost,
  urlOf,
} from "./addresses/addresses.ts";
import { settlePorts, tryAddress } from "./addresses/ports.ts";
import {
  formerAfter,
  type GivenAddresses,
  lastOptions,
  wantedAddresses,
} from "./addresses/wanted-addresses.ts";
import type { Credential } from "./credentials/certificates.ts";
import {
  type Deployment,
  type DoorRecord,
  EdgeRecord,
  FILES,
  NEWEST_RECORD,
  openDeployment,
  openServerCertificate,
  type ServerCertificate,
} from "./credentials/credentials.ts";
import { renewalTime } from "./credentials/renewal.ts";
import { type GivenConsole, wantedConsole } from "./front/console-settings.ts";
import { type GivenDoor, readDoorCredential, wantedDoor } from "./front/door-settings.ts";
import { connectionLimits, Front } from "./front/front.ts";
import { HttpFront } from "./front/http-front.ts";
import { readObjects, type StoredNetwork, type StoredObjects } from "./object-databases.ts";
import { ASSETS_MANIFEST, type Bundle, findBundle } from "./workerd/bundle.ts";
import { openDescriptors } from "./workerd/descriptor-count.ts";
import { replaceDirectory } from "./workerd/directory-draft.ts";
import { LaneGate, MIN_DESCRIPTORS } from "./workerd/lane-gate.ts";
import { launchWorkerd } from "./workerd/launch.ts";
import type { OidcProvider } from "./workerd/oidc-file.ts";
import { Supervisor } from "./workerd/supervisor.ts";
import { findWorkerd, type Workerd } from "./workerd/workerd.ts";
import { type FrontSockets, workerdConfig } from "./workerd/workerd-config.ts";

export interface EmbeddedEdgeOptions {
  /** The state directory, created when it does not exist. It holds the CA's private key. */
  readonly state: string;
  /**
   * Where the API listens, "HOST:PORT". Port 0 is a free one, kept from then on. Unless given, as at the last
   * start; {@link DEFAULT_API} at the first.
   */
  readonly api?: string | undefined;
  /** Where the gateway listens, as `api`; {@link DEFAULT_GATEWAY} at the first start. */
  readonly gateway?: string | undefined;
  /**
   * Where workerd itself accepts lanes, as `api`; "off" to accept them at the gateway only. Unless given, the
   * host of `gateway` and the port after its port; where `gateway` is not given either, as at the last start.
   */
  readonly lanes?: string | undefined;
  /**
   * The name in URLs and the certificate. Unless given, that of the last start, else the host of `api`; the
   * machine's name for a wildcard.
   */
  readonly hostname?: string | undefined;
  /** The public door, where the edge serves hostnames of published services. Unless given, that of the last start. */
  readonly door?: GivenDoor | undefined;
  /** The console. Unless given, that of the last start; at the first, people sign in by one-time links. */
  readonly console?: GivenConsole | undefined;
  /** The provider whose identity tokens authenticate at the API besides keys. */
  readonly oidc?: OidcProvider | undefined;
  /** Lines of workerd have `from: "workerd"`. Silent unless given. */
  readonly log?: Log | undefined;
  /** Directory of the built Worker, for tests; the package's own unless given. */
  readonly bundle?: string | undefined;
  /** Lifetime of server certificates, ms, for tests. */
  readonly certificateLifetimeMs?: number | undefined;
}

export interface RunningEdge {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  /** Where workerd itself accepts lanes; null when the gateway accepts them. */
  readonly lanes: Address | null;
  /** Where the public door listens; null without one. */
  readonly door: Address | null;
  readonly console: RunningConsole;
  /** Path of the deployment CA, PEM. */
  readonly caFile: string;
  /** Path of the first admin key, which an operator may have removed. */
  readonly adminKeyFile: string;
  /** Former addresses that the edge still accepts, oldest first. */
  readonly former: readonly FormerAddress[];
  /** Set when this start has changed the addresses of an edge that has networks. */
  readonly moved: Move | null;
}

/** The console of a running edge. */
export interface RunningConsole {
  readonly mode: ConsoleMode;
  /** Its URL on this machine, else at the API's address; null where none is served. */
  readonly url: string | null;
}

/** A start at other addresses than the one before. */
export interface Move {
  readonly from: EdgeAddresses;
  readonly to: EdgeAddresses;
  /** The sites that know the former addresses, "network/site". */
  readonly sites: readonly string[];
  /** The options of `edge start` that keep the former addresses; null where they are not known. */
  readonly keep: readonly string[] | null;
}

/** How long requests in flight may take when the edge stops, ms. Open WebSockets always use it up. */
const STOP_GRACE_MS = 3_000;
/** The same when workerd is replaced for a new certificate, ms: nothing is served meanwhile. */
const RENEWAL_GRACE_MS = 500;
/** Longest interval of the check of the certificate, ms: timers stand still while a machine sleeps. */
const LOOK_MS = 60 * 60 * 1000;
/** Pause after a failed renewal, ms. */
const RETRY_MS = 60 * 1000;

/** Descriptors assumed where the system reports no limit: a common default. */
const ASSUMED_DESCRIPTORS = 1_024;
/**
 * Interval of the count of workerd's descriptors, ms: a client opens some thousand connections in this time.
 */
const COUNT_MS = 100;

/** How many choices of free ports a start tries. */
const PORT_ATTEMPTS = 3;

const CONFIG_FILE = "workerd.capnp";
/** Directory of the Unix sockets between the front and workerd. */
const FRONT_DIRECTORY = "front";
export const OBJECTS_DIRECTORY = "objects";
/** Directory with the pages of the console. */
const CONSOLE_DIRECTORY = "console";

const LOST_OBJECTS =
  "Check that its volume is mounted, or restore it from a copy of the state directory. With a backup, run `fairlead edge restore` with an empty state directory.";

/** The public door, as a start settled it. */
interface OpenedDoor {
  readonly address: Address;
  readonly settings: DoorRecord;
  /** The door's own certificate; null to serve that of the edge, or plain HTTP. */
  readonly server: Credential | null;
}

/** The console, as a start settled it. */
interface OpenedConsole {
  readonly mode: ConsoleMode;
  readonly listen: Address | null;
  /** The folder with the built application; null where it was not built. */
  readonly assets: string | null;
}

/** The parts that stay the same while the edge runs. */
interface Setup {
  readonly state: StateDirectory;
  readonly bundle: Bundle;
  readonly addresses: Addresses;
  readonly urls: EdgeAddresses;
  /** The names of the server certificate, those of former addresses among them. */
  readonly names: readonly string[];
  readonly former: readonly FormerAddress[];
  readonly moved: Move | null;
  readonly record: EdgeRecord;
  readonly deployment: Deployment;
  /** Paths of the Unix sockets between the front and workerd. */
  readonly sockets: FrontSockets;
  /** The public door; null without one. */
  readonly door: OpenedDoor | null;
  readonly console: OpenedConsole;
  /** Most descriptors of each process. */
  readonly descriptors: number;
}

export class EmbeddedEdge {
  readonly #options: EmbeddedEdgeOptions;
  readonly #log: Log;
  readonly #given: GivenAddresses;
  readonly #stopping = new AbortController();
  #starting: Promise<RunningEdge> | undefined;
  #state: StateDirectory | undefined;
  #front: Front | undefined;
  #doorFront: HttpFront | undefined;
  #consoleFront: HttpFront | undefined;
  #supervisor: Supervisor | undefined;
  /** Whether the current start has chosen a free port itself. */
  #choosesPorts = false;
  #running: Promise<unknown> = Promise.resolve();

  /** @throws FairleadError request.invalid when an address or the host name is malformed */
  constructor(options: EmbeddedEdgeOptions) {
    this.#options = options;
    this.#log = options.log ?? silent;
    const { hostname } = options;
    if (hostname !== undefined && isIP(hostname) === 0 && !isHostname(hostname)) {
      throw new FairleadError("request.invalid", `--hostname is no host name: "${hostname}".`);
    }
    const { api, gateway, lanes } = options;
    this.#given = {
      api: api === undefined ? undefined : parseAddress(api, "--api"),
      gateway: gateway === undefined ? undefined : parseAddress(gateway, "--gateway"),
      lanes: lanes === undefined ? undefined : lanes === "off" ? null : parseAddress(lanes, "--lanes"),
      hostname,
    };
  }

  /**
   * Starts the edge, once. Resolves when all its addresses accept TLS.
   *
   * @throws FairleadError state.*, edge.port_taken, edge.failed, request.invalid; nothing runs then
   */
  start(): Promise<RunningEdge> {
    this.#starting ??= this.#startWithPorts().catch(async (error) => {
      await this.#end();
      throw asFairleadError(error, "edge.failed");
    });
    return this.#starting;
  }

  /**
   * Stops the edge: ends workerd, by force after {@link STOP_GRACE_MS}, and releases the state directory.
   * Idempotent.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#starting?.catch(() => {});
    await this.#end();
  }

  /**
   * Starts with other ports if another program took a port that this start had chosen, before the edge listened on it.
   */
  async #startWithPorts(): Promise<RunningEdge> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#start();
      } catch (error) {
        const isTaken = error instanceof FairleadError && error.code === "edge.port_taken";
        const isLast = attempt === PORT_ATTEMPTS || this.#stopping.signal.aborted;
        if (!isTaken || !this.#choosesPorts || isLast) throw error;
        await this.#close();
      }
    }
  }

  async #start(): Promise<RunningEdge> {
    const setup = await this.#prepare();
    const { state, addresses, deployment, sockets, descriptors } = setup;
    let server = await this.#openCertificate(setup);
    const gate = new LaneGate(descriptors);
    if (addresses.lanes !== null && !gate.possible) {
      const text = `Lanes have no port of their own, which needs ${MIN_DESCRIPTORS} descriptors.`;
      this.#log.info({ descriptors }, text);
    }
    const lanes = () => (gate.open ? addresses.lanes : null);
    const front = await this.#openFront(setup, server, gate);
    await this.#openDoor(setup, server);
    const writeConfig = () => this.#writeConfig(setup, server, lanes());
    await writeConfig();
    let workerd: Workerd | undefined;
    const workerdLog = partLog(this.#log, "workerd");
    const supervisor = new Supervisor({
      log: workerdLog,
      launch: async () => {
        if (workerd?.outOfDescriptors && gate.withdraw(performance.now())) {
          this.#log.error({}, "workerd ran out of descriptors. For a time, lanes use the gateway's port.");
          await writeConfig();
        }
        workerd = await launchWorkerd({
          config: state.file(CONFIG_FILE),
          environment: {
            DEPLOYMENT_CA_KEY: deployment.authority.privateKey,
            ADMIN_KEY_HASH: deployment.adminKeyHash,
            ...this.#options.oidc?.secrets,
          },
          ...{ sockets, lanes: lanes() },
          certificate: server.credential.certificate,
          log: workerdLog,
          signal: this.#stopping.signal,
        });
        return workerd;
      },
    });
    this.#supervisor = supervisor;
    await supervisor.start();
    await this.#writeRecord(state, { ...setup.record, databases: true });
    if (setup.moved !== null) this.#warnOfMove(setup.moved);
    const renewing = this.#keepRenewed(server, async () => {
      // Written before workerd ends, so that a full disk does not stop an edge whose certificate is still
      // valid.
      server = await this.#openCertificate(setup);
      await writeConfig();
      front.setCertificate(server.credential);
      if (setup.door?.server === null) this.#doorFront?.setCertificate(server.credential);
      // workerd itself serves the certificate at the lanes' port only.
      if (lanes() !== null) await supervisor.replace(RENEWAL_GRACE_MS);
      return server;
    });
    const watching =
      addresses.lanes === null || !gate.possible
        ? undefined
        : this.#watchLanes(
            gate,
            () => workerd?.pid,
            async () => {
              await writeConfig();
              await supervisor.replace(0);
            },
          );
    this.#running = Promise.all([renewing, watching]);
    return {
      apiUrl: setup.urls.api,
      gatewayUrl: setup.urls.links,
      lanes: lanes(),
      door: setup.door?.address ?? null,
      console: runningConsole(setup),
      caFile: state.file(FILES.ca),
      adminKeyFile: state.file(FILES.adminKey),
      former: setup.former,
      moved: setup.moved,
    };
  }

  /** Opens the listeners of the API and of the gateway. */
  async #openFront(
    { addresses, sockets, deployment, descriptors }: Setup,
    server: ServerCertificate,
    gate: LaneGate,
  ): Promise<Front> {
    const front = new Front({
      ...{ api: addresses.api, gateway: addresses.gateway, workerd: sockets, server: server.credential },
      deploymentCa: deployment.authority.certificate,
      limits: connectionLimits(descriptors),
      lanes: (): LanePort => {
        if (addresses.lanes !== null && gate.open) return "direct";
        return addresses.lanes !== null && gate.possible ? "withdrawn" : "off";
      },
      log: partLog(this.#log, "front"),
    });
    this.#front = front;
    await front.listen();
    return front;
  }

  /** Opens the listener of the public door, if there is one. */
  async #openDoor({ door, sockets, descriptors }: Setup, server: ServerCertificate): Promise<void> {
    if (door === null || sockets.door === undefined) return;
    this.#doorFront = new HttpFront({
      name: "door",
      address: door.address,
      socketPath: sockets.door,
      server: door.settings.plain === true ? null : (door.server ?? server.credential),
      limits: connectionLimits(descriptors),
      log: partLog(this.#log, "front"),
    });
    await this.#doorFront.listen();
  }

  #warnOfMove({ from, to, sites }: Move): void {
    this.#log.warn(
      { from, to, sites },
      "The edge has other addresses than at its last start. Sites that know the former ones reach it only where those still lead to it.",
    );
  }

  /**
   * Closes the lanes' port when unauthenticated clients fill it, and opens it again later, until the edge
   * stops.
   */
  async #watchLanes(
    gate: LaneGate,
    pid: () => number | undefined,
    restart: () => Promise<void>,
  ): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(COUNT_MS, signal);
      const process = pid();
      const descriptors = process === undefined ? null : await openDescriptors(process);
      if (signal.aborted || descriptors === null || !gate.observe(descriptors, performance.now())) continue;
      if (gate.open) this.#log.info({}, "Lanes have a port of their own again.");
      else
        this.#log.warn({ descriptors }, "The lanes' port is full. For a time, lanes use the gateway's port.");
      await restart().catch((thrown) => {
        const error = asFairleadError(thrown, "edge.failed");
        this.#log.error({ code: error.code }, `The lanes' port was not changed: ${error.message}`);
      });
    }
  }

  /** Opens what the first run creates and later runs find. */
  async #prepare(): Promise<Setup> {
    this.#choosesPorts = false;
    // Before anything is created.
    findWorkerd();
    const state = openStateDirectory(this.#options.state, { role: "edge" });
    this.#state = state;
    const bundle = await findBundle(this.#options.bundle);
    const record = await state.readJson(FILES.edge, EdgeRecord, NEWEST_RECORD);
    const objects = await this.#openObjects(state, record);
    const wanted = wantedAddresses(this.#given, record);
    // Nobody knows the ports of an edge that has never served.
    const isNew = record === null || record.databases === false;
    const ports = isNew ? undefined : { ...record.ports, gateway: record.ports.links };
    const addresses = await settlePorts(wanted.addresses, ports);
    this.#choosesPorts = isNew && Object.values(wanted.addresses).some((address) => address?.port === 0);
    const { api, gateway, lanes } = addresses;
    const { hostname } = wanted;
    const now = Date.now();
    const deployment = await openDeployment(state, record, now, record !== null || objects?.used === true);
    await makePrivateDirectory(state.file(OBJECTS_DIRECTORY));
    await makePrivateDirectory(state.file(FRONT_DIRECTORY));
    const door = await this.#settleDoor(record);
    // Node raises its soft limit to the hard limit at its start, and workerd inherits it.
    const descriptors = descriptorLimit() ?? ASSUMED_DESCRIPTORS;
    const console = await this.#openConsole({ state, record, bundle, descriptors });
    const sockets: FrontSockets = {
      api: socketPath(state, "api"),
      gateway: socketPath(state, "gateway"),
      door: door === null ? undefined : socketPath(state, "door"),
      console: console.listen === null ? undefined : socketPath(state, "console"),
    };
    const urls = {
      api: urlOf(publicHost(api, hostname), api.port),
      links: urlOf(publicHost(gateway, hostname), gateway.port),
    };
    // Nobody has the addresses of an edge without networks.
    const isKnown = objects?.hasNetworks === true;
    const former = isKnown ? formerAfter(record, urls, now) : [];
    const current: EdgeRecord = {
      version: NEWEST_RECORD,
      software: version(),
      ports: {
        api: api.port,
        links: gateway.port,
        // Kept while lanes have no port, since a firewall may have it open.
        lanes: lanes?.port ?? record?.ports.lanes,
      },
      listen: { api: api.host, links: gateway.host, lanes: lanes?.host ?? null },
      hostname,
      urls,
      former,
      door: door === null ? undefined : { ...door.settings, address: formatAddress(door.address) },
      console: { mode: console.mode, listen: console.listen && formatAddress(console.listen) },
      databases: objects?.used === true,
      adminKeyHash: deployment.adminKeyHash,
    };
    // A first run records itself before it stores anything else. A later one keeps the former record until it serves.
    if (record === null) await this.#writeRecord(state, current);
    const moved = isKnown ? moveOf(record, urls, objects.networks) : null;
    const names = certificateNames(addresses, hostname, former);
    return {
      ...{ state, bundle, addresses, urls, names, former, moved, record: current, deployment, sockets },
      ...{ descriptors, door, console },
    };
  }

  /**
   * The public door, by the options or as at the last start.
   * @throws FairleadError edge.port_taken, request.invalid, file.unreadable
   */
  async #settleDoor(record: EdgeRecord | null): Promise<OpenedDoor | null> {
    const settings = wantedDoor(this.#options.door ?? {}, record?.door ?? null);
    if (settings === null) return null;
    const server = await readDoorCredential(settings);
    const wanted = parseAddress(settings.address, "--door");
    return { address: { ...wanted, port: await tryAddress(wanted) }, settings, server };
  }

  /**
   * The console, by the options or as at the last start. Its listener on loopback is open from here on, so that the
   * Worker is told of the port that it has.
   * @throws FairleadError edge.port_taken, request.invalid
   */
  async #openConsole({
    state,
    record,
    bundle,
    descriptors,
  }: Pick<Setup, "state" | "bundle" | "descriptors"> & {
    readonly record: EdgeRecord | null;
  }): Promise<OpenedConsole> {
    const { mode, listen, isFlexible } = wantedConsole(this.#options.console ?? {}, record?.console ?? null);
    if (mode === "oidc" && this.#options.oidc?.variables.OIDC_CLIENT === undefined) {
      throw new FairleadError("request.invalid", "The console has no provider at which people sign in.", {
        action: "Give --oidc FILE with the field `door`, which names the client of the provider.",
      });
    }
    const assets = mode === "none" ? null : await copyAssets(state, bundle.assets);
    if (listen === null) return { mode, listen, assets };
    const open = async (wanted: Address): Promise<Address> => {
      const address = { ...wanted, port: await tryAddress(wanted) };
      this.#consoleFront = new HttpFront({
        ...{ name: "console", address, server: null, log: partLog(this.#log, "front") },
        socketPath: socketPath(state, "console"),
        limits: connectionLimits(descriptors),
      });
      await this.#consoleFront.listen();
      return address;
    };
    try {
      return { mode, listen: await open(listen), assets };
    } catch (thrown) {
      const isTaken = thrown instanceof FairleadError && thrown.code === "edge.port_taken";
      if (!isTaken || !isFlexible) throw thrown;
      // Nobody but this machine's browsers knows the port.
      return { mode, listen: await open({ ...listen, port: 0 }), assets };
    }
  }

  /**
   * Reads the databases of the objects. An edge that has run is never started without them, since it would be an empty
   * edge under the same CA.
   * @throws FairleadError state.corrupt
   */
  async #openObjects(state: StateDirectory, record: EdgeRecord | null): Promise<StoredObjects | null> {
    const objects = await readObjects(state.file(OBJECTS_DIRECTORY), record?.software);
    if (record === null) {
      const { api, gateway } = this.#given;
      if (!objects?.used || (api !== undefined && gateway !== undefined)) return objects;
      throw state.corrupt(FILES.edge, "is missing, but the databases of an edge are here", {
        action: `Restore ${FILES.edge} from a copy of the state directory. Without a copy, give --api, --gateway and --hostname as at the first start, which sites expect.`,
      });
    }
    if (objects === null) {
      throw state.corrupt(
        OBJECTS_DIRECTORY,
        `is missing, but ${FILES.edge} shows that this edge ran before`,
        { action: LOST_OBJECTS },
      );
    }
    if (record.databases && !objects.used) {
      const why = `has no databases, but ${FILES.edge} shows that this edge ran before`;
      throw state.corrupt(OBJECTS_DIRECTORY, why, { action: LOST_OBJECTS });
    }
    return objects;
  }

  async #writeRecord(state: StateDirectory, record: EdgeRecord): Promise<void> {
    await state.writeAtomic(FILES.edge, `${JSON.stringify(record, null, 2)}\n`);
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#close();
  }

  async #close(): Promise<void> {
    // The front goes first: its open connections keep workerd from ending.
    await this.#front?.close();
    await this.#doorFront?.close();
    await this.#consoleFront?.close();
    await this.#supervisor?.stop(STOP_GRACE_MS);
    await this.#state?.close();
    this.#front = undefined;
    this.#doorFront = undefined;
    this.#consoleFront = undefined;
    this.#supervisor = undefined;
    this.#state = undefined;
  }

  #openCertificate({ state, deployment, names }: Setup): Promise<ServerCertificate> {
    return openServerCertificate(state, {
      authority: deployment.authority,
      names,
      now: Date.now(),
      lifetime: this.#options.certificateLifetimeMs,
    });
  }

  async #writeConfig(setup: Setup, server: ServerCertificate, lanes: Address | null): Promise<void> {
    const { state, bundle, urls, former, deployment, sockets } = setup;
    const text = workerdConfig({
      ...bundle,
      ...{ sockets, lanes, former },
      apiUrl: urls.api,
      gatewayUrl: urls.links,
      objects: state.file(OBJECTS_DIRECTORY),
      deploymentCa: deployment.authority.certificate,
      server: server.credential,
      oidc: this.#options.oidc,
      console: { mode: setup.console.mode, local: setup.console.listen, assets: setup.console.assets },
    });
    await state.writeAtomic(CONFIG_FILE, text);
  }

  /** Renews the server certificate whenever it is due, until the edge stops. */
  async #keepRenewed(first: ServerCertificate, renew: () => Promise<ServerCertificate>): Promise<void> {
    const { signal } = this.#stopping;
    let server = first;
    while (!signal.aborted) {
      const due = renewalTime(server.validity) - Date.now();
      await sleep(Math.max(0, Math.min(due, LOOK_MS)), signal);
      if (signal.aborted || renewalTime(server.validity) > Date.now()) continue;
      try {
        this.#log.info({}, "The server certificate is renewed; connections are opened again.");
        server = await renew();
      } catch (thrown) {
        const error = asFairleadError(thrown, "edge.failed");
        this.#log.error({ code: error.code }, `The server certificate was not renewed: ${error.message}`);
        await sleep(RETRY_MS, signal);
      }
    }
  }
}

/**
 * Copies the built console into the state directory, unless it is there: an upgrade of the package in place changes
 * neither the Worker of a running edge nor its pages. The manifest has the hashes of all pages.
 */
async function copyAssets(state: StateDirectory, from: string | null): Promise<string | null> {
  if (from === null) return null;
  const target = state.file(CONSOLE_DIRECTORY);
  const manifest = await readFile(join(from, ASSETS_MANIFEST));
  const present = await readFile(join(target, ASSETS_MANIFEST)).catch(() => null);
  if (present?.equals(manifest)) return target;
  // The asynchronous copy takes seven times the CPU (Node 24.21, 228 files: 380 ms, not 55).
  await replaceDirectory(target, async (draft) => cpSync(from, draft, { recursive: true }));
  return target;
}

function runningConsole({ console: { mode, listen }, urls }: Setup): RunningConsole {
  if (mode === "none") return { mode, url: null };
  return { mode, url: `${listen === null ? urls.api : `http://${formatAddress(listen)}`}${CONSOLE_PATH}` };
}

/** The change of addresses since the last start; null without one. */
function moveOf(
  record: EdgeRecord | null,
  to: EdgeAddresses,
  networks: readonly StoredNetwork[],
): Move | null {
  const from = record?.urls;
  if (record === null || from === undefined || (from.api === to.api && from.links === to.links)) return null;
  const sites = networks.flatMap(({ name, sites }) => sites.map((site) => `${name}/${site}`));
  return { from, to, sites, keep: lastOptions(record) };
}

/** @throws FairleadError state.path_too_long */
function socketPath(state: StateDirectory, name: string): string {
  const path = join(state.file(FRONT_DIRECTORY), name);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path;
  throw new FairleadError(
    "state.path_too_long",
    `${path} has ${Buffer.byteLength(path)} bytes; the path of a socket may have ${MAX_SOCKET_PATH}.`,
    { action: "Choose a shorter --state directory: its path may have at most 86 bytes." },
  );
}

async function makePrivateDirectory(path: string): Promise<void> {
  try {
    makeDirectory(path);
    // An existing directory may be accessible to others.
    await chmod(path, 0o700);
  } catch (error) {
    throw stateError(error, path);
  }
}
