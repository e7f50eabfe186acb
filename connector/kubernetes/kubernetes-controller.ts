/**
 * The part of a connector that works in a Kubernetes cluster: the cluster, and the controllers in it. No failure of the
 * API server ends it, or touches what the connector serves.
 */
import { resolvesWithin } from "../async/timeout.ts";
import type { Log } from "../log.ts";
import type { OpenCluster } from "./cluster/open-cluster.ts";
import type { Controller } from "./controller.ts";
import type { NotReady } from "./imports/imports.ts";

/** How long the connector waits for what its controllers offer at first, ms. The API server may be away. */
const BEGIN_MS = 5000;

/** The cluster, as this part starts, stops and shows it. */
type RunningCluster = Pick<
  OpenCluster,
  "start" | "release" | "close" | "log" | "state" | "namespace" | "watched" | "imports"
>;

export class KubernetesController {
  readonly cluster: RunningCluster;
  readonly #controllers: readonly Controller[];
  readonly #log: Log;
  #begun: Promise<void> = Promise.resolve();

  /** What the connector lacks to take clients of the cluster; null if nothing. */
  readonly notReady: () => NotReady | null;

  constructor(cluster: RunningCluster, controllers: readonly Controller[], notReady: () => NotReady | null) {
    this.cluster = cluster;
    this.#controllers = controllers;
    this.notReady = notReady;
    this.#log = cluster.log;
  }

  start(): void {
    this.cluster.start();
    const begun = Promise.all(
      this.#controllers.map((controller) =>
        this.#attempt("A controller of the cluster could not begin.", async () => {
          await controller.start();
          await controller.begun;
        }),
      ),
    );
    this.#begun = resolvesWithin(begun, BEGIN_MS).then(() => {});
  }

  /** Resolves when the services of the cluster are offered, or after {@link BEGIN_MS}. */
  get begun(): Promise<void> {
    return this.#begun;
  }

  /**
   * Has clients in the cluster go to other connectors, then lets another connector write. It comes before the other parts
   * of the connector drain, for at most `ms`.
   */
  async leave(ms: number): Promise<void> {
    const left = Promise.all(
      this.#controllers.map((controller) =>
        this.#attempt("A controller of the cluster could not leave.", async () => await controller.drain?.()),
      ),
    );
    await resolvesWithin(left, ms);
    await this.cluster.release();
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#controllers.map((controller) =>
        this.#attempt(
          "A controller of the cluster could not be closed.",
          async () => await controller.close(),
        ),
      ),
    );
    await this.cluster.close();
  }

  async #attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.error({}, `${what} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
