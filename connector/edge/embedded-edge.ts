/** The whole edge on this machine: the built Worker on workerd, with its certificates and its storage. */
import { chmod, mkdir } from "node:fs/promises";
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
import type { Workerd } from "./workerd/workerd.ts";
import { workerdConfig } from "./workerd/workerd-config.ts";

export interface EmbeddedEdgeOptions {
  /** The state directory; made when it does not exist. Holds the CA's key: back it up, keep it private. */
  readonly state: string;
  /** Where the API listens, "HOST:PORT". Port 0: a free one, kept from then on. Default 127.0.0.1:8443. */
  readonly api?: string | undefined;
  /** Where uplinks and lanes are accepted, "HOST:PORT". As `api`. Default 127.0.0.1:8444. */
  readonly gateway?: string | undefined;
  /**
   * Where workerd itself takes lanes, "HOST:PORT", or "off": then lanes are accepted at `gateway` as well. As `api`.
   * Default: the host of `gateway` and the port after its.
   */
  readonly lanes?: string | undefined;
  /** The name in the URLs and the certificate. Default: the host listened on; the machine's name for all. */
  readonly hostname?: string | undefined;
  /** Whose identity tokens are good for the API besides keys. Default: nobody's. */
  readonly oidc?: OidcProvider | undefined;
  /** A pino logger, or the like. workerd's own lines come with `from: "workerd"`. Default: none. */
  readonly log?: Log | undefined;
  /** The built Worker's directory, when it is not the package's own. For tests. */
  readonly bundle?: string | undefined;
  /** Life of server certificates, ms. For tests. */
  readonly certificateLifetimeMs?: number | undefined;
}

export interface RunningEdge {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  /** Where workerd itself takes lanes; null when they come to the gateway. */
  readonly lanes: Address | null;
  /** Path of the deployment CA, PEM. */
  readonly caFile: string;
  /** Path of the first admin key; an operator may have taken the file away. */
  readonly adminKeyFile: string;
}

export const DEFAULT_API = "127.0.0.1:8443";
export const DEFAULT_GATEWAY = "127.0.0.1:8444";

/** Requests under way may finish; WebSockets never do, so this is what stopping usually takes. ms */
const STOP_GRACE_MS = 3_000;
/** Sessions outlive the swap of a certificate, but nobody is served meanwhile. ms */
const RENEWAL_GRACE_MS = 500;
/** Longest sleep until the next look at the certificate: timers stand still while a machine sleeps. ms */
const LOOK_MS = 60 * 60 * 1000;
/** From a renewal that failed to the next. ms */
const RETRY_MS = 60 * 1000;

/** What is assumed where the system tells no limit: what most of them give at least. */
const ASSUMED_DESCRIPTORS = 1_024;
/** How often workerd's descriptors are counted, ms: a stranger opens some thousand connections in it at the most. */
const COUNT_MS = 100;

const CONFIG_FILE = "workerd.capnp";
/** Holds the Unix sockets between the front and workerd. */
const FRONT_DIRECTORY = "front";
export const OBJECTS_DIRECTORY = "objects";

/** What stays the same while the edge runs. */
interface Setup {
  readonly state: StateDirectory;
  readonly bundle: Bundle;
  readonly addresses: Addresses;
  readonly deployment: Deployment;
  /** Paths of the Unix sockets between the front and workerd. */
  readonly sockets: { readonly api: string; readonly gateway: string };
  /** Descriptors that each process may have. */
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
   * Starts the edge; resolves when both addresses accept TLS. An EmbeddedEdge starts once.
   *
   * @throws FairleadError state.*, edge.port_taken, edge.failed, request.invalid; nothing is left running
   */
  start(): Promise<RunningEdge> {
    this.#starting ??= this.#start().catch(async (error) => {
      await this.#end();
      throw asFairleadError(error, "edge.failed");
    });
    return this.#starting;
  }

  /** Ends workerd, by force after 3 s, and gives the state directory free. Can be called at any time. */
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
      const text = `Lanes get no port of their own: that takes ${MIN_DESCRIPTORS} descriptors.`;
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
          this.#log.error(
            {},
            "workerd ended for want of descriptors; lanes take the gateway's port for a time",
          );
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
      // Written before workerd ends: a full disk must not cost an edge whose certificate is still good.
      server = await this.#openCertificate(setup);
      await writeConfig();
      front.setCertificate(server.credential);
      // Only the lanes' own port has the certificate from workerd.
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

  /** Takes the lanes' port away when strangers fill it, and gives it back later, until the edge stops. */
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
      if (gate.open) this.#log.info({}, "Lanes have a port of their own again");
      else
        this.#log.warn({ descriptors }, "The lanes' port is full; lanes take the gateway's port for a time");
      await restart().catch((thrown) => {
        const error = asFairleadError(thrown, "edge.failed");
        this.#log.error({ code: error.code }, `The lanes' port was not changed: ${error.message}`);
      });
    }
  }

  /** Everything that the first run makes and later runs find. */
  async #prepare(): Promise<Setup> {
    const state = openStateDirectory(this.#options.state, { role: "edge" });
    this.#state = state;
    const bundle = await findBundle(this.#options.bundle);
    const record = await state.readJson(FILES.edge, EdgeRecord);
    const ports = record && { ...record.ports, gateway: record.ports.links };
    const addresses = await settlePorts(this.#wanted, ports ?? undefined);
    const deployment = await openDeployment(state, record, Date.now());
    await makeDirectory(state.file(OBJECTS_DIRECTORY));
    await makeDirectory(state.file(FRONT_DIRECTORY));
    const sockets = { api: socketPath(state, "api"), gateway: socketPath(state, "gateway") };
    const { apiUrl, gatewayUrl } = this.#urls(addresses);
    const current: EdgeRecord = {
      version: 1,
      ports: {
        api: addresses.api.port,
        links: addresses.gateway.port,
        // Kept while there is none: a port that was opened in a firewall once stays the one.
        lanes: addresses.lanes?.port ?? record?.ports.lanes,
      },
      urls: { api: apiUrl, links: gatewayUrl },
      adminKeyHash: deployment.adminKeyHash,
    };
    await state.writeAtomic(FILES.edge, `${JSON.stringify(current, null, 2)}\n`);
    // Node has raised its limit to the hard one when it started, and workerd inherits that.
    const descriptors = descriptorLimit() ?? ASSUMED_DESCRIPTORS;
    return { state, bundle, addresses, deployment, sockets, descriptors };
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    // First: what it holds open keeps workerd from ending by itself.
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

  /** Renews the server certificate each time it is due, until the edge stops. */
  async #keepRenewed(first: ServerCertificate, renew: () => Promise<ServerCertificate>): Promise<void> {
    const { signal } = this.#stopping;
    let server = first;
    while (!signal.aborted) {
      const due = renewalTime(server.validity) - Date.now();
      await sleep(Math.max(0, Math.min(due, LOOK_MS)), signal);
      if (signal.aborted || renewalTime(server.validity) > Date.now()) continue;
      try {
        this.#log.info({}, "Renewing the server certificate; connections are made anew");
        server = await renew();
      } catch (thrown) {
        const error = asFairleadError(thrown, "edge.failed");
        this.#log.error({ code: error.code }, `The server certificate was not renewed: ${error.message}`);
        await sleep(RETRY_MS, signal);
      }
    }
  }
}

/** Where lanes are wanted; see {@link EmbeddedEdgeOptions.lanes}. */
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
    `${path} has ${Buffer.byteLength(path)} bytes; a socket's path has ${MAX_SOCKET_PATH} at the most`,
  );
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    // One that was there may be open to others.
    await chmod(path, 0o700);
  } catch (error) {
    throw stateError(error, path);
  }
}
