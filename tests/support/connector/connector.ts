/** A connector as a process. */
import { ControlClient } from "../../../connector/control/client.ts";
import type { Status } from "../../../connector/control/schema.ts";
import { eventually, type Patience } from "../clock/eventually.ts";
import type { Cluster, Env, Outcome } from "../process/cluster.ts";
import type { Exit, ManagedProcess } from "../process/managed-process.ts";

export interface ConnectorOptions {
  readonly site: string;
  readonly stateDir?: string;
  /** Paths of token files. */
  readonly token?: string | readonly string[];
  readonly expose?: readonly string[];
  readonly listen?: readonly string[];
  readonly bind?: string;
  /** Limit of open descriptors. */
  readonly descriptors?: number;
  /** Further arguments of the command. */
  readonly args?: readonly string[];
  readonly env?: Env;
}

/** Address of a listener. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export class Connector {
  readonly site: string;
  readonly stateDir: string;
  readonly control: ControlClient;
  readonly #cluster: Cluster;
  readonly #options: ConnectorOptions;
  #process: ManagedProcess;

  private constructor(cluster: Cluster, options: ConnectorOptions, stateDir: string) {
    this.#cluster = cluster;
    this.#options = options;
    this.site = options.site;
    this.stateDir = stateDir;
    this.control = new ControlClient(stateDir);
    this.#process = launch(cluster, options, stateDir);
  }

  static async start(cluster: Cluster, options: ConnectorOptions): Promise<Connector> {
    const connector = new Connector(cluster, options, options.stateDir ?? cluster.fresh(options.site));
    await connector.ready();
    return connector;
  }

  get process(): ManagedProcess {
    return this.#process;
  }

  /** Waits until the uplink is up by its log, and its control socket answers. */
  async ready(): Promise<void> {
    await untilUplink(this.process);
    await eventually(`${this.site} answers on its control socket`, () => this.control.services());
  }

  status(): Promise<Status> {
    return this.control.status();
  }

  /** Waits until the listener of a service is listening. Returns its address. */
  async listener(service: string, patience?: Patience): Promise<Address> {
    return await eventually(
      `${this.site} listens for ${service}`,
      async () => {
        const { services } = await this.control.services();
        const listener = services.find(({ name }) => name === service)?.listener;
        return listener?.state === "listening" ? parseAddress(listener.address) : null;
      },
      patience,
    );
  }

  /** Waits until the listener for one of several ports of a service is listening. Returns its address. */
  async listenerAt(service: string, port: number, patience?: Patience): Promise<Address> {
    return await eventually(
      `${this.site} listens for port ${port} of ${service}`,
      async () => {
        const { services } = await this.control.services();
        const ports = services.find(({ name }) => name === service)?.ports ?? [];
        const listener = ports.find((each) => each.port === port)?.listener;
        return listener?.state === "listening" ? parseAddress(listener.address) : null;
      },
      patience,
    );
  }

  /** Waits until the connector does not know the service. */
  async without(service: string, patience?: Patience): Promise<void> {
    await eventually(
      `${this.site} does not know ${service}`,
      async () => !(await this.control.services()).services.some(({ name }) => name === service),
      patience,
    );
  }

  /** Waits for a log line with all of these fields. */
  async logged(fields: Readonly<Record<string, unknown>>, patience?: Patience): Promise<unknown> {
    return await eventually(
      `${this.site} logs ${JSON.stringify(fields)}`,
      () => this.log().find((line) => Object.entries(fields).every(([name, value]) => line[name] === value)),
      patience,
    );
  }

  /** Returns the log lines so far, oldest first. */
  log(): Record<string, unknown>[] {
    return this.#process.stdout.split("\n").flatMap((line) => {
      try {
        const value: unknown = JSON.parse(line);
        return typeof value === "object" && value !== null ? [{ ...value }] : [];
      } catch {
        return [];
      }
    });
  }

  /** Runs a command at this site. */
  async fairlead(...args: readonly string[]): Promise<Outcome> {
    return await this.#cluster.fairlead(args, { FAIRLEAD_STATE: this.stateDir });
  }

  async kill9(): Promise<void> {
    await this.#process.kill9();
  }

  async stop(): Promise<Exit> {
    return await this.#process.stop();
  }

  /** Restarts the connector on the same state without its token, and waits until it is up. */
  async restart(changes: Partial<ConnectorOptions> = {}): Promise<void> {
    await this.stop();
    const { token: _, ...options } = { ...this.#options, ...changes };
    this.#process = launch(this.#cluster, options, this.stateDir);
    await this.ready();
  }
}

function launch(cluster: Cluster, options: ConnectorOptions, stateDir: string): ManagedProcess {
  const { site, descriptors } = options;
  const limits = descriptors === undefined ? {} : { descriptors };
  return cluster.run(site, connectorArgs(options, stateDir), options.env, limits);
}

/** Waits until a connector's uplink is up, by its log. */
export async function untilUplink(process: ManagedProcess): Promise<void> {
  await process.output("uplink up", ({ stdout }) => (/"to":"up"/.test(stdout) ? true : null));
}

/** Returns the arguments of `fairlead` that run a connector. */
export function connectorArgs(options: ConnectorOptions, stateDir: string): string[] {
  const args = ["connector", "run", "--site", options.site, "--state", stateDir, "--json"];
  for (const token of [options.token ?? []].flat()) args.push("--token", token);
  for (const expose of options.expose ?? []) args.push("--expose", expose);
  for (const listen of options.listen ?? []) args.push("--listen", listen);
  if (options.bind !== undefined) args.push("--bind", options.bind);
  args.push(...(options.args ?? []));
  return args;
}

function parseAddress(text: string): Address {
  const at = text.lastIndexOf(":");
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
}
