/** The whole edge on this machine: the built Worker on workerd, with its certificates and its storage. */
import { mkdir } from "node:fs/promises";
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { type Log, silent } from "../log.ts";
import { openStateDirectory, type StateDirectory } from "../state/directory.ts";
import { stateError } from "../state/errors.ts";
import {
  type Addresses,
  certificateNames,
  isHostname,
  parseAddress,
  publicHost,
  urlOf,
} from "./addresses.ts";
import { type Bundle, findBundle } from "./bundle.ts";
import { workerdConfig } from "./config.ts";
import {
  type Deployment,
  EdgeRecord,
  FILES,
  openDeployment,
  openServerCertificate,
  type ServerCertificate,
} from "./credentials.ts";
import { launchWorkerd } from "./launch.ts";
import type { OidcProvider } from "./oidc.ts";
import { settlePorts } from "./ports.ts";
import { renewalTime } from "./renewal.ts";
import { Supervisor } from "./supervisor.ts";

export interface EmbeddedEdgeOptions {
  /** The state directory; made when it does not exist. Holds the CA's key: back it up, keep it private. */
  readonly state: string;
  /** Where the API listens, "HOST:PORT". Port 0: a free one, kept from then on. Default 127.0.0.1:8443. */
  readonly api?: string | undefined;
  /** Where uplinks and lanes are accepted, "HOST:PORT". As `api`. Default 127.0.0.1:8444. */
  readonly links?: string | undefined;
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
  readonly linksUrl: string;
  /** Path of the deployment CA, PEM. */
  readonly caFile: string;
  /** Path of the first admin key; an operator may have taken the file away. */
  readonly adminKeyFile: string;
}

export const DEFAULT_API = "127.0.0.1:8443";
export const DEFAULT_LINKS = "127.0.0.1:8444";

/** Requests under way may finish; WebSockets never do, so this is what stopping usually takes. ms */
const STOP_GRACE_MS = 3_000;
/** Sessions outlive the swap of a certificate, but nobody is served meanwhile. ms */
const RENEWAL_GRACE_MS = 500;
/** Longest sleep until the next look at the certificate: timers stand still while a machine sleeps. ms */
const LOOK_MS = 60 * 60 * 1000;
/** From a renewal that failed to the next. ms */
const RETRY_MS = 60 * 1000;

const CONFIG_FILE = "workerd.capnp";
export const OBJECTS_DIRECTORY = "objects";

/** What stays the same while the edge runs. */
interface Setup {
  readonly state: StateDirectory;
  readonly bundle: Bundle;
  readonly addresses: Addresses;
  readonly deployment: Deployment;
}

export class EmbeddedEdge {
  readonly #options: EmbeddedEdgeOptions;
  readonly #log: Log;
  readonly #wanted: Addresses;
  readonly #stopping = new AbortController();
  #starting: Promise<RunningEdge> | undefined;
  #state: StateDirectory | undefined;
  #supervisor: Supervisor | undefined;
  #renewing: Promise<void> = Promise.resolve();

  /** @throws FairleadError request.invalid when an address or the host name is malformed */
  constructor(options: EmbeddedEdgeOptions) {
    this.#options = options;
    this.#log = options.log ?? silent;
    const { hostname } = options;
    if (hostname !== undefined && isIP(hostname) === 0 && !isHostname(hostname)) {
      throw new FairleadError("request.invalid", `--hostname is no host name: "${hostname}".`);
    }
    this.#wanted = {
      api: parseAddress(options.api ?? DEFAULT_API, "--api"),
      links: parseAddress(options.links ?? DEFAULT_LINKS, "--links"),
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
    const { state, addresses, deployment } = setup;
    let server = await this.#openCertificate(setup);
    await this.#writeConfig(setup, server);
    const supervisor = new Supervisor({
      log: this.#log,
      launch: () =>
        launchWorkerd({
          config: state.file(CONFIG_FILE),
          environment: {
            DEPLOYMENT_CA_KEY: deployment.authority.privateKey,
            ADMIN_KEY_HASH: deployment.adminKeyHash,
          },
          addresses,
          certificate: server.credential.certificate,
          log: this.#log,
          signal: this.#stopping.signal,
        }),
    });
    this.#supervisor = supervisor;
    await supervisor.start();
    this.#renewing = this.#keepRenewed(server, async () => {
      // Written before workerd ends: a full disk must not cost an edge whose certificate is still good.
      server = await this.#openCertificate(setup);
      await this.#writeConfig(setup, server);
      await supervisor.replace(RENEWAL_GRACE_MS);
      return server;
    });
    return {
      ...this.#urls(addresses),
      caFile: state.file(FILES.ca),
      adminKeyFile: state.file(FILES.adminKey),
    };
  }

  /** Everything that the first run makes and later runs find. */
  async #prepare(): Promise<Setup> {
    const state = openStateDirectory(this.#options.state, { role: "edge" });
    this.#state = state;
    const bundle = await findBundle(this.#options.bundle);
    const record = await state.readJson(FILES.edge, EdgeRecord);
    const addresses = await settlePorts(this.#wanted, record?.ports);
    const deployment = await openDeployment(state, record, Date.now());
    await makeDirectory(state.file(OBJECTS_DIRECTORY));
    const { apiUrl, linksUrl } = this.#urls(addresses);
    const current: EdgeRecord = {
      version: 1,
      ports: { api: addresses.api.port, links: addresses.links.port },
      urls: { api: apiUrl, links: linksUrl },
      adminKeyHash: deployment.adminKeyHash,
    };
    await state.writeAtomic(FILES.edge, `${JSON.stringify(current, null, 2)}\n`);
    return { state, bundle, addresses, deployment };
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    await this.#renewing;
    await this.#supervisor?.stop(STOP_GRACE_MS);
    await this.#state?.close();
  }

  #urls({ api, links }: Addresses): { readonly apiUrl: string; readonly linksUrl: string } {
    const { hostname } = this.#options;
    return {
      apiUrl: urlOf(publicHost(api, hostname), api.port),
      linksUrl: urlOf(publicHost(links, hostname), links.port),
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

  async #writeConfig(setup: Setup, server: ServerCertificate): Promise<void> {
    const { state, bundle, addresses, deployment } = setup;
    const text = workerdConfig({
      ...bundle,
      ...addresses,
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
      await sleep(Math.max(0, Math.min(due, LOOK_MS)), undefined, { signal }).catch(() => {});
      if (signal.aborted || renewalTime(server.validity) > Date.now()) continue;
      try {
        this.#log.info({}, "Renewing the server certificate; connections are made anew");
        server = await renew();
      } catch (thrown) {
        const error = asFairleadError(thrown, "edge.failed");
        this.#log.error({ code: error.code }, `The server certificate was not renewed: ${error.message}`);
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw stateError(error, path);
  }
}
