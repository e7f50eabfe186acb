/** An embedded edge as a process. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { EdgeClient } from "../../../connector/net/edge-client.ts";
import { freePort } from "../free-port.ts";
import type { Cluster, Env, Outcome } from "../process/cluster.ts";
import type { ManagedProcess } from "../process/managed-process.ts";

export interface EdgeOptions {
  readonly stateDir?: string;
  /** Public name in URLs. This machine still reaches the edge at 127.0.0.1. */
  readonly hostname?: string;
  /** Whether to store a login, in the file that FAIRLEAD_CONFIG names. */
  readonly login?: boolean;
  readonly env?: Env;
  /** Limit of open descriptors of the edge and of its workerd, for each. */
  readonly descriptors?: number;
  /** Further arguments of `edge start`. */
  readonly args?: readonly string[];
}

/** Output of `edge start --json` once the edge answers. */
const Started = z.object({
  api: z.url(),
  gateway: z.url(),
  lanes: z.number().nullable(),
  ca: z.string(),
  adminKey: z.string(),
});

export class Edge {
  readonly stateDir: string;
  /** URL of the API as the edge reports it. */
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  /** Port where workerd accepts lanes itself, or null. */
  readonly lanes: number | null;
  readonly caFile: string;
  /** PEM */
  readonly ca: string;
  readonly adminKey: string;
  /** Holds the admin key. */
  readonly client: EdgeClient;
  readonly #cluster: Cluster;
  readonly #options: EdgeOptions;
  #process: ManagedProcess;

  private constructor(
    cluster: Cluster,
    options: EdgeOptions,
    started: ManagedProcess,
    at: z.infer<typeof Started> & { stateDir: string; caText: string; key: string },
  ) {
    this.#cluster = cluster;
    this.#options = options;
    this.#process = started;
    this.stateDir = at.stateDir;
    this.apiUrl = at.api;
    this.gatewayUrl = at.gateway;
    this.lanes = at.lanes;
    this.caFile = at.ca;
    this.ca = at.caText;
    this.adminKey = at.key;
    this.client = cluster.client({ url: this.localUrl, key: at.key, ca: at.caText });
  }

  static async start(cluster: Cluster, options: EdgeOptions): Promise<Edge> {
    const stateDir = options.stateDir ?? cluster.fresh("edge");
    const { started, at } = await launch(cluster, stateDir, options);
    const [caText, key] = await Promise.all([readFile(at.ca, "utf8"), readFile(at.adminKey, "utf8")]);
    return new Edge(cluster, options, started, { ...at, stateDir, caText, key: key.trim() });
  }

  get process(): ManagedProcess {
    return this.#process;
  }

  /** URL of the API on this machine. */
  get localUrl(): string {
    return `https://127.0.0.1:${new URL(this.apiUrl).port}`;
  }

  /** URL of the gateway on this machine. */
  get localGatewayUrl(): string {
    return `https://127.0.0.1:${new URL(this.gatewayUrl).port}`;
  }

  /** Environment of commands with the admin key of this edge. */
  get env(): Env {
    return { FAIRLEAD_URL: this.localUrl, FAIRLEAD_KEY: this.adminKey, FAIRLEAD_CA: this.caFile };
  }

  /** Runs a command with the admin key of this edge. */
  async fairlead(...args: readonly string[]): Promise<Outcome> {
    return await this.#cluster.fairlead(args, this.env);
  }

  async kill9(): Promise<void> {
    await this.#process.kill9();
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  /** Restarts the edge on the same state, and waits until it answers. */
  async restart(): Promise<void> {
    await this.stop();
    const { started, at } = await launch(this.#cluster, this.stateDir, this.#options);
    this.#process = started;
    if (at.api !== this.apiUrl) throw new Error(`The edge moved from ${this.apiUrl} to ${at.api}.`);
  }
}

async function launch(cluster: Cluster, stateDir: string, options: EdgeOptions) {
  const args = ["edge", "start", "--state", stateDir, "--json", ...(await addressesOf(stateDir))];
  if (options.hostname !== undefined) args.push("--hostname", options.hostname);
  if (!options.login) args.push("--no-login");
  args.push(...(options.args ?? []));
  const started = cluster.run("edge", args, options.env, limitsOf(options));
  const at = await started.output("its addresses", ({ stdout }) => {
    const parsed = Started.safeParse(tryJson(stdout));
    return parsed.success ? parsed.data : null;
  });
  return { started, at };
}

/** Options for the addresses of an edge: those of its last start, or free ones. */
async function addressesOf(stateDir: string): Promise<readonly string[]> {
  if (existsSync(join(stateDir, "edge.json"))) return ["--api", "127.0.0.1:0", "--gateway", "127.0.0.1:0"];
  const free = async () => `127.0.0.1:${await freePort()}`;
  return ["--api", await free(), "--gateway", await free(), "--lanes", await free()];
}

const limitsOf = ({ descriptors }: EdgeOptions) => (descriptors === undefined ? {} : { descriptors });

/** Parses the output. Returns undefined while the document is incomplete. */
function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
