/** A site in a cluster: a namespace, replicas of its connector, pods of its users, and the harm that a test orders. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { collectionPath, KINDS, objectPath } from "../../../../connector/kubernetes/api/kinds.ts";
import { connectorLabels, connectorName } from "../../../../connector/kubernetes/cluster/names.ts";
import { eventually } from "../../clock/eventually.ts";
import type { Cluster, Env, TestNetwork } from "../../process/cluster.ts";
import { echo } from "../../traffic/servers.ts";
import type { JsonObject } from "../json.ts";
import type { KubeClient } from "../kube-client.ts";
import type { TestCluster } from "../test-cluster.ts";
import { ConnectorPod } from "./connector-pod.ts";
import type { PodRange } from "./pod-range.ts";
import { PodRecord, type PodRecordOptions } from "./pod-record.ts";
import { ServerPod } from "./server-pod.ts";
import { type Scope, ServiceAccount } from "./service-account.ts";
import { ServiceProxy } from "./service-proxy.ts";

/** How a connector reaches the API server: as the account of its pod, by a kubeconfig from outside, or not at all. */
export type ApiAccess = "account" | "kubeconfig" | "none";

export interface ReplicaOptions extends Scope {
  readonly access?: ApiAccess;
  /** Further arguments of `connector run`. */
  readonly args?: readonly string[];
  readonly env?: Env;
  /** The state directory of a replica before, which survived its pod. */
  readonly stateDir?: string;
}

export interface PodOptions extends Omit<PodRecordOptions, "namespace" | "address" | "node"> {
  readonly namespace?: string;
  /** What the pod does with a connection to a port of it. The default is an echo. */
  readonly handle?: (socket: Socket) => void;
  readonly ready?: boolean;
}

/** Requests that are refused. What is not given is refused in each form. */
export interface Refusal {
  readonly verb?: string;
  /** In the plural, with its subresource: `services/status`. */
  readonly resource?: string;
  readonly namespace?: string;
}

export interface SiteParts {
  readonly name: string;
  readonly processes: Cluster;
  readonly network: TestNetwork;
  readonly cluster: TestCluster;
  readonly namespace: string;
  readonly node: string;
  readonly range: PodRange;
}

export class KubernetesSite {
  readonly name: string;
  readonly cluster: TestCluster;
  /** The namespace of the connectors. */
  readonly namespace: string;
  readonly #parts: SiteParts;
  readonly #replicas: ConnectorPod[] = [];
  readonly #proxies: ServiceProxy[] = [];
  readonly #account: ServiceAccount;

  constructor(parts: SiteParts) {
    this.#parts = parts;
    this.#account = new ServiceAccount(parts.cluster, parts.namespace);
    this.name = parts.name;
    this.cluster = parts.cluster;
    this.namespace = parts.namespace;
  }

  get admin(): KubeClient {
    return this.cluster.admin;
  }

  /** The replicas that were started and not ended, oldest first. */
  get replicas(): readonly ConnectorPod[] {
    return this.#replicas;
  }

  /** Starts a replica, and waits until its uplink is up. */
  async startReplica(options: ReplicaOptions = {}): Promise<ConnectorPod> {
    const { access = "account", args = [], env = {}, stateDir } = options;
    const { processes, network, node, range } = this.#parts;
    const record = await PodRecord.create(this.admin, {
      namespace: this.namespace,
      name: `${connectorName("fairlead")}-${randomBytes(3).toString("hex")}`,
      address: range.next(),
      node,
      labels: connectorLabels("fairlead"),
    });
    const replica = await ConnectorPod.start(processes, record, {
      site: this.name,
      token: await network.token(),
      args: [...this.#kubernetesArgs(options), ...args],
      env: { ...(access === "account" ? await this.#accountEnv(record.name, options) : {}), ...env },
      ...(stateDir === undefined ? {} : { stateDir }),
    });
    this.#replicas.push(replica);
    return replica;
  }

  /** Ends a replica in order. */
  async endReplica(replica: ConnectorPod, graceSeconds?: number): Promise<void> {
    this.#forget(replica);
    await replica.end(graceSeconds);
  }

  /** Kills the process of a replica; its pod stays, not ready. */
  async killReplica(replica: ConnectorPod): Promise<void> {
    this.#forget(replica);
    await replica.kill9();
    await eventually(`${replica.name} to be written as not ready`, () => !replica.ready);
    replica.close();
  }

  /** Replaces each replica, one after the other: a new one is ready before an old one ends. */
  async roll(options?: ReplicaOptions, graceSeconds?: number): Promise<void> {
    for (const old of [...this.#replicas]) {
      const next = await this.startReplica(options);
      await eventually(`${next.name} to be ready`, () => next.ready);
      await this.endReplica(old, graceSeconds);
    }
  }

  /** Makes a pod with servers at its ports, ready unless the options say otherwise. */
  async pod(options: PodOptions = {}): Promise<ServerPod> {
    const { handle = echo, ready = true, ...given } = options;
    const { node, range } = this.#parts;
    const address = range.next();
    const record = await PodRecord.create(this.admin, { namespace: this.namespace, ...given, address, node });
    const ports = (options.ports ?? []).filter(({ protocol = "TCP" }) => protocol === "TCP");
    const pod = await ServerPod.start(
      record,
      ports.map(({ containerPort }) => containerPort),
      handle,
    );
    if (ready) await record.setReady(true);
    return pod;
  }

  /** Makes a Service. @throws Error with the API server's refusal */
  async service(
    name: string,
    spec: JsonObject,
    metadata: JsonObject = {},
    namespace = this.namespace,
  ): Promise<JsonObject> {
    const { status, text, body } = await this.admin.create(collectionPath(KINDS.services, namespace), {
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...metadata, name },
      spec,
    });
    if (status !== 201) throw new Error(`The Service ${name} was not made: ${text}`);
    return body;
  }

  /** A Service as the clients of the cluster have it. */
  async proxy(service: string, namespace = this.namespace): Promise<ServiceProxy> {
    const proxy = await ServiceProxy.open(this.admin, namespace, service);
    this.#proxies.push(proxy);
    return proxy;
  }

  /** Puts new tokens into the directories of all replicas, as a kubelet does before the old ones end. */
  async rotateTokens(): Promise<void> {
    await Promise.all(this.#replicas.map(({ name }) => this.#account.mount(this.#accountDirectory(name))));
  }

  /** Refuses requests of everybody but administrators from now on. Returns what ends that. The tests' server alone can. */
  refuse({ verb, resource, namespace }: Refusal): () => void {
    const { denied } = this.cluster.server.authorizer;
    const denies: typeof denied extends Set<infer T> ? T : never = (user, attributes) =>
      !user.groups.includes("system:masters") &&
      (verb === undefined || attributes.verb === verb) &&
      (resource === undefined || attributes.resource === resource) &&
      (namespace === undefined || attributes.namespace === namespace);
    denied.add(denies);
    return () => denied.delete(denies);
  }

  /** Makes a namespace of a given name: one that was deleted, again. */
  async makeNamespace(name: string): Promise<void> {
    await eventually(`the namespace ${name} to be made`, async () => {
      const metadata = { name };
      const path = collectionPath(KINDS.namespaces);
      const { status } = await this.admin.create(path, { apiVersion: "v1", kind: "Namespace", metadata });
      return status === 201;
    });
  }

  /** Deletes a namespace, and waits until it is gone. */
  async deleteNamespace(name: string): Promise<void> {
    const path = objectPath(KINDS.namespaces, "", name);
    await this.admin.delete(path);
    await eventually(
      `the namespace ${name} to be gone`,
      async () => (await this.admin.get(path)).status === 404,
    );
  }

  /** Ends what this site follows, and deletes what is in no namespace. Processes end with the world. */
  async close(): Promise<void> {
    for (const replica of this.#replicas) replica.close();
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    await this.#account.remove();
  }

  #kubernetesArgs({ access = "account", watch, import: into }: ReplicaOptions): string[] {
    if (access === "none") return [];
    const kubeconfig = ["--kubeconfig", this.cluster.kubeconfig, "--kubernetes-namespace", this.namespace];
    const args = access === "account" ? ["--kubernetes"] : kubeconfig;
    if (watch !== undefined) args.push("--kubernetes-watch", [watch].flat().join());
    if (into !== undefined) args.push("--kubernetes-import", [into].flat().join());
    return args;
  }

  /** The environment of a pod with the site's account. */
  async #accountEnv(pod: string, scope: Scope): Promise<Env> {
    await this.#account.install(scope);
    const directory = this.#accountDirectory(pod);
    await this.#account.mount(directory);
    const { hostname, port } = new URL(this.cluster.access.url);
    return {
      KUBERNETES_SERVICE_HOST: hostname.replace(/^\[|\]$/g, ""),
      KUBERNETES_SERVICE_PORT: port === "" ? "443" : port,
      FAIRLEAD_SERVICE_ACCOUNT_DIR: directory,
    };
  }

  #accountDirectory(pod: string): string {
    return this.#parts.processes.path(`account-${pod}`);
  }

  #forget(replica: ConnectorPod): void {
    this.#replicas.splice(this.#replicas.indexOf(replica), 1);
  }
}
