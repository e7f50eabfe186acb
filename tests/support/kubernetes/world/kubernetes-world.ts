/**
 * An edge, a network, and clusters with sites in them: real connectors with real traffic between pods, without a
 * kubelet, kube-proxy or rights on the machine. With KUBECONFIG all sites are in that cluster, each in a namespace of
 * its own.
 */
import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll } from "vitest";
import { Cluster, type Edge, type TestNetwork } from "../../process/cluster.ts";
import { closeServers } from "../../traffic/servers.ts";
import { TestCluster } from "../test-cluster.ts";
import { KubernetesSite } from "./kubernetes-site.ts";
import { PodRange } from "./pod-range.ts";

export class KubernetesWorld implements AsyncDisposable {
  /** Edge, connectors and commands as processes. */
  readonly processes: Cluster;
  readonly edge: Edge;
  readonly network: TestNetwork;
  readonly #range: PodRange;
  readonly #sites: KubernetesSite[] = [];
  /** Names of the nodes that were made, by cluster. */
  readonly #nodes = new Map<TestCluster, string>();

  private constructor(processes: Cluster, edge: Edge, network: TestNetwork, range: PodRange) {
    this.processes = processes;
    this.edge = edge;
    this.network = network;
    this.#range = range;
  }

  static async open(): Promise<KubernetesWorld> {
    const processes = await Cluster.create();
    const edge = await processes.edge();
    return new KubernetesWorld(processes, edge, await processes.network(edge), await PodRange.claim());
  }

  /** Makes a site in a cluster of its own, or in that of another site. No connector runs yet. */
  async site(name: string, { beside }: { readonly beside?: KubernetesSite } = {}): Promise<KubernetesSite> {
    const cluster = beside?.cluster ?? (await TestCluster.open());
    const node = this.#nodes.get(cluster) ?? (await this.#makeNode(cluster));
    const site = new KubernetesSite({
      name,
      processes: this.processes,
      network: this.network,
      cluster,
      namespace: await cluster.namespace(),
      node,
      range: this.#range,
    });
    this.#sites.push(site);
    return site;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sites.map((site) => site.close()));
    await this.processes.close();
    await closeServers();
    for (const [cluster, node] of this.#nodes) {
      await cluster.admin.delete(`/api/v1/nodes/${node}`);
      await cluster[Symbol.asyncDispose]();
    }
    this.#range.release();
  }

  /** Makes a node for the pods: one without a node would end at once when it is deleted, without a time of grace. */
  async #makeNode(cluster: TestCluster): Promise<string> {
    const name = `fl-${randomBytes(4).toString("hex")}`;
    const { status, text } = await cluster.admin.create("/api/v1/nodes", {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name },
      spec: { unschedulable: true },
    });
    if (status !== 201) throw new Error(`The node was not made: ${text}`);
    this.#nodes.set(cluster, name);
    return name;
  }
}

/** Opens a world before the tests of the file, and ends it after them. Its logs are shown when a test fails. */
export function useKubernetesWorld(): { readonly world: KubernetesWorld } {
  let world: KubernetesWorld | undefined;
  beforeAll(async () => {
    world = await KubernetesWorld.open();
  });
  afterEach(({ task }) => {
    if (task.result?.state === "fail" && world) console.error(`${task.name}\n${world.processes.logs()}`);
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  });
  return {
    get world() {
      if (world === undefined) throw new Error("The world is not open yet.");
      return world;
    },
  };
}
