/**
 * The embedded edge: the built Worker on workerd on this machine, with its front, certificates and storage.
 */
import { chmod } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { LanePort } from "../../protocol/front/front-status.ts";
import { sleep } from "../async/sleep.ts";
import { MAX_SOCKET_PATH } from "../control/server.ts";
import { type Log, silent } from "../log.ts";
import { descriptorLimit } from "../resources/descriptor-limit.ts";
import { openStateDirectory, type StateDirectory } from "../state/directory.ts";
import { stateError } from "../state/errors.ts";
import { makeDirectory } from "../state/make-directory.ts";
import {
  type Address,
  type Addresses,
  certificateNames,
  isHostname,
  parseAddress,
  publicHost,
  urlOf,
} from "./addresses/addresses.ts";
import { settlePorts } from "./addresses/ports.ts";
import {
  type Deployment,
  EdgeRecord,
  FILES,
  openDeployment,
  openServerCertificate,
  type ServerCertificate,
} from "./credentials/credentials.ts";
import { renewalTime } from "./credentials/renewal.ts";
import { connectionLimits, Front } from "./front/front.ts";
import { type Bundle, findBundle } from "./workerd/bundle.ts";
import { openDescriptors } from "./workerd/descriptor-count.ts";
import { LaneGate, MIN_DESCRIPTORS } from "./workerd/lane-gate.ts";
import { launchWorkerd } from "./workerd/launch.ts";
import type { OidcProvider } from "./workerd/oidc-file.ts";
import { Supervisor } from "./workerd/supervisor.ts";
import { findWorkerd, type Workerd } from "./workerd/workerd.ts";
import { workerdConfig } from "./workerd/workerd-config.ts";

export interface EmbeddedEdgeOptions {
  /** The state directory, created when it does not exist. It holds the CA's private key. */
  readonly state: string;
  /**
   * Where the API listens, "HOST:PORT". Port 0 is a free one, kept from then on. {@link DEFAULT_API} unless
   * given.
   */
  readonly api?: string | undefined;
  /** Where the gateway listens, as `api`. {@link DEFAULT_GATEWAY} unless given. */
  readonly gateway?: string | undefined;
  /**
   * Where workerd itself accepts lanes, as `api`; "off" to accept them at the gateway only. Unless given, the
   * host of `gateway` and the port after its port.
   */
  readonly lanes?: string | undefined;
  /**
   * The name in URLs and the certificate. Unless given, the host of `api`; the machine's name for a wildcard.
   */
  readonly hostname?: string | undefined;
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
  /** Path of the deployment CA, PEM. */
  readonly caFile: string;
  /** Path of the first admin key, which an operator may have removed. */
  readonly adminKeyFile: string;
}

export const DEFAULT_API = "127.0.0.1:8443";
export const DEFAULT_GATEWAY = "127.0.0.1:8444";

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

const CONFIG_FILE = "workerd.capnp";
/** Directory of the Unix sockets between the front and workerd. */
const FRONT_DIRECTORY = "front";
export const OBJECTS_DIRECTORY = "objects";

/** The parts that stay the same while the edge runs. */
interface Setup {
  readonly state: StateDirectory;
  readonly bundle: Bundle;
  readonly addresses: Addresses;
  readonly deployment: Deployment;
  /** Paths of the Unix sockets between the front and workerd. */
  readonly sockets: { readonly api: string; readonly gateway: string };
  /** Most descriptors of each process. */
  readonly descriptors: number;
}

export class EmbeddedEdge {
  readonly #options: EmbeddedEdgeOptions;
  readonly #log: Log;
  readonly #wanted: Addresses;
  readonly #stopping = new AbortController();
  #starting: Promise<RunningEdge> | undefined;
  #state: StateDirectory | undefined;
  #front: Front | undefined;
  #supervisor: Supervisor | undefined;
  #running: Promise<unknown> = Promise.resolve();

  /** @throws FairleadError request.invalid when an address or the host name is malformed */
  constructor(options: EmbeddedEdgeOptions) {
    this.#options = options;
    this.#log = options.log ?? silent;
    const { hostname } = options;
    if (hostname !== undefined && isIP(hostname) === 0 && !isHostname(hostname)) {
      throw new FairleadError("request.invalid", `--hostname is no host name: "${hostname}".`);
    }
    const gateway = parseAddress(options.gateway ?? DEFAULT_GATEWAY, "--gateway");
    this.#wanted = {
      api: parseAddress(options.api ?? DEFAULT_API, "--api"),
      gateway,
      lanes: lanesAddress(options.lanes, gateway),
    };
  }

  /**
   * Starts the edge, once. Resolves when all its addresses accept TLS.
   *
   * @throws FairleadError state.*, edge.port_taken, edge.failed, request.invalid; nothing runs then
   */
  start(): Promise<RunningEdge> {
    this.#starting ??= this.#start().catch(async (error) => {
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
    const front = new Front({
      ...{ api: addresses.api, gateway: addresses.gateway, workerd: sockets, server: server.credential },
      deploymentCa: deployment.authority.certificate,
      limits: connectionLimits(descriptors),
      lanes: (): LanePort => {
        if (lanes() !== null) return "direct";
        return addresses.lanes !== null && gate.possible ? "withdrawn" : "off";
      },
      log: this.#log,
    });
    this.#front = front;
    await front.listen();
    const writeConfig = () => this.#writeConfig(setup, server, lanes());
    await writeConfig();
    let workerd: Workerd | undefined;
    const supervisor = new Supervisor({
      log: this.#log,
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
          },
          ...{ sockets, lanes: lanes() },
          certificate: server.credential.certificate,
          log: this.#log,
          signal: this.#stopping.signal,
        });
        return workerd;
      },
    });
    this.#supervisor = supervisor;
    await supervisor.start();
    const renewing = this.#keepRenewed(server, async () => {
      // Written before workerd ends, so that a full disk does not stop an edge whose certificate is still
      // valid.
      server = await this.#openCertificate(setup);
      await writeConfig();
      front.setCertificate(server.credential);
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
      ...this.#urls(addresses),
      lanes: lanes(),
      caFile: state.file(FILES.ca),
      adminKeyFile: state.file(FILES.adminKey),
    };
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
    // Before anything is created.
    findWorkerd();
    const state = openStateDirectory(this.#options.state, { role: "edge" });
    this.#state = state;
    const bundle = await findBundle(this.#options.bundle);
    const record = await state.readJson(FILES.edge, EdgeRecord);
    const ports = record && { ...record.ports, gateway: record.ports.links };
    const addresses = await settlePorts(this.#wanted, ports ?? undefined);
    const deployment = await openDeployment(state, record, Date.now());
    await makePrivateDirectory(state.file(OBJECTS_DIRECTORY));
    await makePrivateDirectory(state.file(FRONT_DIRECTORY));
    const sockets = { api: socketPath(state, "api"), gateway: socketPath(state, "gateway") };
    const { apiUrl, gatewayUrl } = this.#urls(addresses);
    const current: EdgeRecord = {
      version: 1,
      ports: {
        api: addresses.api.port,
        links: addresses.gateway.port,
        // Kept while lanes have no port, since a firewall may have it open.
        lanes: addresses.lanes?.port ?? record?.ports.lanes,
      },
      urls: { api: apiUrl, links: gatewayUrl },
      adminKeyHash: deployment.adminKeyHash,
    };
    await state.writeAtomic(FILES.edge, `${JSON.stringify(current, null, 2)}\n`);
    // Node raises its soft limit to the hard limit at its start, and workerd inherits it.
    const descriptors = descriptorLimit() ?? ASSUMED_DESCRIPTORS;
    return { state, bundle, addresses, deployment, sockets, descriptors };
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    // The front goes first: its open connections keep workerd from ending.
    await this.#front?.close();
    await this.#supervisor?.stop(STOP_GRACE_MS);
    await this.#state?.close();
  }

  #urls({ api, gateway }: Addresses): { readonly apiUrl: string; readonly gatewayUrl: string } {
    const { hostname } = this.#options;
    return {
      apiUrl: urlOf(publicHost(api, hostname), api.port),
      gatewayUrl: urlOf(publicHost(gateway, hostname), gateway.port),
    };
  }

  #openCertificate({ state, deployment, addresses }: Setup): Promise<ServerCertificate> {
    return openServerCertificate(state, {
      authority: deployment.authority,
      names: certificateNames(addresses, this.#options.hostname),
      now: Date.now(),
      lifetime: this.#options.certificateLifetimeMs,
    });
  }

  async #writeConfig(setup: Setup, server: ServerCertificate, lanes: Address | null): Promise<void> {
    const { state, bundle, addresses, deployment, sockets } = setup;
    const text = workerdConfig({
      ...bundle,
      ...{ sockets, lanes },
      ...this.#urls(addresses),
      objects: state.file(OBJECTS_DIRECTORY),
      deploymentCa: deployment.authority.certificate,
      server: server.credential,
      oidc: this.#options.oidc,
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

/** The address of {@link EmbeddedEdgeOptions.lanes}; null for none. */
function lanesAddress(text: string | undefined, gateway: Address): Address | null {
  if (text === "off") return null;
  if (text !== undefined) return parseAddress(text, "--lanes");
  return { host: gateway.host, port: gateway.port === 0 ? 0 : (gateway.port % 65_535) + 1 };
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
