/**
 * Edges, connectors and commands as processes, each with its own state in one temporary directory. The system tests and
 * the demo use it, so it depends on no test framework.
 */
import { mkdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { EdgeClient } from "../../../connector/net/edge-client.ts";
import { createNetwork, createToken, networkStatus } from "../../../connector/operator/edge-api.ts";
import type { Network } from "../../../protocol/api/networks.ts";
import type { NetworkStatus } from "../../../protocol/api/status.ts";
import { Connector, type ConnectorOptions } from "../connector/connector.ts";
import { Edge, type EdgeOptions } from "../edge/edge.ts";
import { type Exit, ManagedProcess, type ProcessOptions } from "./managed-process.ts";

export { eventually } from "../clock/eventually.ts";
export { type Address, Connector, type ConnectorOptions } from "../connector/connector.ts";
export { Edge, type EdgeOptions } from "../edge/edge.ts";

/** The root of the repository. */
export const ROOT = resolve(import.meta.dirname, "../../..");

/** Returns the path of the built command of a checkout. */
export function programOf(checkout: string): string {
  return join(resolve(checkout), "dist", "cli", "main.js");
}

/** The built command of this repository. */
export const FAIRLEAD = programOf(ROOT);

/** Time that the processes of a cluster have for their end, ms. Nothing asks any more how they ended. */
const CLOSING_MS = 8000;

export type Env = Readonly<Record<string, string>>;

/** The outcome of a command. */
export interface Outcome extends Exit {
  readonly stdout: string;
  readonly stderr: string;
  /** The printed JSON: on stdout, or the error on stderr; undefined for none. */
  readonly json: unknown;
}

/** Variables that would send local traffic through a proxy, or name a real login. */
const FOREIGN = /^(fairlead_(?!chaos_|talk$|seed$).*|https?_proxy|all_proxy|no_proxy|npm_config_.*proxy)$/i;

/** A network with tokens for it. */
export interface TestNetwork extends Network {
  /** Creates a token. Returns the path of its file. */
  token(options?: { readonly uses?: number; readonly expirySeconds?: number }): Promise<string>;
  status(): Promise<NetworkStatus>;
}

export class Cluster {
  /** Temporary directory of everything, removed at the end. */
  readonly directory: string;
  /** Path of the built command that this cluster runs. */
  readonly #program: string;
  readonly #processes: ManagedProcess[] = [];
  readonly #clients: EdgeClient[] = [];
  #files = 0;

  private constructor(directory: string, program: string) {
    this.directory = directory;
    this.#program = program;
  }

  /**
   * Creates a cluster. Keep the prefix short: a state directory's path has 87 bytes at the most.
   * @param program path of the built command; by default that of this repository
   */
  static async create(prefix = "fl-", program: string = FAIRLEAD): Promise<Cluster> {
    // Clients in this process talk to this machine only as well.
    for (const name of Object.keys(process.env)) if (FOREIGN.test(name)) delete process.env[name];
    return new Cluster(await mkdtemp(join(tmpdir(), prefix)), program);
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  /** Returns an unused path in the directory. */
  fresh(name: string): string {
    this.#files += 1;
    return this.path(`${name}${this.#files}`);
  }

  /** Makes an environment without logins, proxies and the home of the user. */
  environment(extra: Env = {}): Record<string, string> {
    const env: Record<string, string> = { HOME: this.path("home"), NO_COLOR: "1" };
    for (const name of ["PATH", "TMPDIR", "LANG", "NODE_COMPILE_CACHE"]) {
      const value = process.env[name];
      if (value !== undefined) env[name] = value;
    }
    return { ...env, ...extra };
  }

  /** Starts a process that ends with this cluster. */
  spawn(options: Omit<ProcessOptions, "env"> & { readonly env?: Env }): ManagedProcess {
    mkdirSync(this.path("home"), { recursive: true });
    const started = new ManagedProcess({ ...options, env: this.environment(options.env) });
    this.#processes.push(started);
    return started;
  }

  /** Starts the long-running command `fairlead ARGS…`. */
  run(
    name: string,
    args: readonly string[],
    env: Env = {},
    as: Pick<ProcessOptions, "uid" | "gid" | "descriptors"> = {},
  ): ManagedProcess {
    return this.spawn({ name, command: process.execPath, args: [this.#program, ...args], env, ...as });
  }

  /** Runs `fairlead ARGS…` until it exits. */
  async fairlead(
    args: readonly string[],
    env: Env = {},
    as: Pick<ProcessOptions, "uid" | "gid"> = {},
  ): Promise<Outcome> {
    const command = this.run(`fairlead ${args.slice(0, 2).join(" ")}`, args, env, as);
    const timer = setTimeout(() => command.kill("SIGKILL"), 240_000);
    const exit = await command.exited;
    clearTimeout(timer);
    const { stdout, stderr } = command;
    return { ...exit, stdout, stderr, json: readJson(stdout) ?? readJson(stderr) };
  }

  /** Starts an edge and waits until it answers. */
  async edge(options: EdgeOptions = {}): Promise<Edge> {
    return await Edge.start(this, options);
  }

  /** Starts a connector and waits until its uplink is up. */
  async connector(options: ConnectorOptions): Promise<Connector> {
    return await Connector.start(this, options);
  }

  /** Creates a network at an edge. */
  async network(edge: Edge, name = `net-${++this.#files}`): Promise<TestNetwork> {
    const network = await createNetwork(edge.client, name);
    return {
      ...network,
      status: () => networkStatus(edge.client, network.id),
      token: async ({ uses = 1, expirySeconds = 900 } = {}) => {
        const { file } = await createToken(edge.client, network.id, { uses, expirySeconds });
        const path = `${this.fresh("token")}.yaml`;
        await writeFile(path, file, { mode: 0o600 });
        return path;
      },
    };
  }

  /** Makes an API client that is closed with the cluster. */
  client(options: ConstructorParameters<typeof EdgeClient>[0]): EdgeClient {
    const client = new EdgeClient(options);
    this.#clients.push(client);
    return client;
  }

  /** Returns the last lines of every process. */
  logs(linesEach = 40): string {
    return this.#processes
      .map((each) => `---- ${each.name} (pid ${each.pid})\n${each.lastLines(linesEach).join("\n")}`)
      .join("\n");
  }

  /** Ends every process and removes every file. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all([...this.#processes].reverse().map((each) => each.stop(CLOSING_MS)));
    // The children of a process that was killed may write until they notice.
    await rm(this.directory, { recursive: true, force: true, maxRetries: 15 });
  }
}

/** Parses the JSON document in a text, or the last of several lines of JSON. */
function readJson(text: string): unknown {
  for (const candidate of [text, text.trim().split("\n").at(-1) ?? ""]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // The next line may be JSON.
    }
  }
  return undefined;
}
