/** A replica of a site: a connector's process, its pod, and what a kubelet does about the two. */
import { get } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Connector, type ConnectorOptions } from "../../connector/connector.ts";
import type { Cluster } from "../../process/cluster.ts";
import type { Exit } from "../../process/managed-process.ts";
import { localAddress } from "./pod-addresses.ts";
import type { PodRecord } from "./pod-record.ts";

/** Gives a process of Node the network of its pod. */
const POD_NETWORK = `--import=${pathToFileURL(join(import.meta.dirname, "pod-network.ts"))}`;
/** Port of health and metrics in a pod, as in the image. */
const HEALTH_PORT = 9464;
/** Between two probes of readiness, ms. */
const PROBE_PERIOD = 250;
/** Time that a probe has, ms: a pod that is only slow stays ready. */
const PROBE_TIMEOUT = 60_000;

export class ConnectorPod {
  readonly connector: Connector;
  readonly record: PodRecord;
  readonly #timer: NodeJS.Timeout;
  #ready = false;
  #probing: Promise<void> | undefined;

  private constructor(connector: Connector, record: PodRecord) {
    this.connector = connector;
    this.record = record;
    this.#timer = setInterval(() => this.#keepStatus(), PROBE_PERIOD);
    this.#timer.unref();
    void connector.process.exited.then(() => this.#keepStatus());
  }

  /** Starts the process in a pod that exists. */
  static async start(
    processes: Cluster,
    record: PodRecord,
    options: ConnectorOptions,
  ): Promise<ConnectorPod> {
    const connector = await Connector.start(processes, {
      ...options,
      args: ["--metrics", `*:${HEALTH_PORT}`, ...(options.args ?? [])],
      env: {
        ...options.env,
        POD_NAME: record.name,
        POD_NAMESPACE: record.namespace,
        POD_IP: record.address,
        NODE_OPTIONS: POD_NETWORK,
      },
    });
    return new ConnectorPod(connector, record);
  }

  get name(): string {
    return this.record.name;
  }

  /** Whether the kubelet last wrote that the pod is ready. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Kills the process. Its kubelet notices, and writes that the pod is not ready. */
  async kill9(): Promise<void> {
    await this.connector.kill9();
  }

  /** Ends the pod in order: it terminates, its process has the grace period to exit, the object goes. */
  async end(graceSeconds = 30): Promise<Exit> {
    await this.record.delete(graceSeconds);
    const exit = await this.connector.process.stop(graceSeconds * 1000);
    await this.leave();
    return exit;
  }

  /** Lets the pod's object go, once its process has ended. */
  async leave(): Promise<void> {
    this.close();
    await this.#probing;
    await this.record.remove();
  }

  /** Ends the kubelet's work. */
  close(): void {
    clearInterval(this.#timer);
  }

  #keepStatus(): void {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
  }

  async #probe(): Promise<void> {
    const ready = this.connector.process.exit === null && (await isReady(localAddress(this.record.address)));
    if (ready === this.#ready) return;
    try {
      await this.record.setReady(ready);
      this.#ready = ready;
    } catch {
      // The API server is away: the next probe writes it.
    }
  }
}

function isReady(host: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request = get(
    { host, port: HEALTH_PORT, path: "/readyz", timeout: PROBE_TIMEOUT, agent: false },
    (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    },
  );
  request.on("timeout", () => request.destroy());
  request.on("error", () => resolve(false));
  request.on("close", () => resolve(false));
  return promise;
}
