/** The object of a pod, with the status that a kubelet would write. */
import { randomBytes } from "node:crypto";
import { collectionPath, KINDS, objectPath } from "../../../../connector/kubernetes/api/kinds.ts";
import type { JsonObject } from "../json.ts";
import type { KubeClient, Reply } from "../kube-client.ts";
import { timeOf } from "../object.ts";

export interface PodPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: "TCP" | "UDP";
}

export interface PodRecordOptions {
  readonly namespace: string;
  readonly name?: string;
  readonly address: string;
  readonly node: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: readonly PodPort[];
  readonly hostname?: string;
  readonly subdomain?: string;
  readonly ownerReferences?: JsonObject[];
}

/** Conditions of a pod that is scheduled; readiness is another thing. */
const ALWAYS_TRUE = ["PodScheduled", "Initialized"];
const OF_READINESS = ["ContainersReady", "Ready"];

export class PodRecord {
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly #admin: KubeClient;

  private constructor(admin: KubeClient, namespace: string, name: string, address: string) {
    this.#admin = admin;
    this.namespace = namespace;
    this.name = name;
    this.address = address;
  }

  /** Makes a pod that has its address and is not ready. */
  static async create(admin: KubeClient, options: PodRecordOptions): Promise<PodRecord> {
    const { namespace, address, node, labels = {}, ports = [], hostname, subdomain } = options;
    const name = options.name ?? `pod-${randomBytes(4).toString("hex")}`;
    const record = new PodRecord(admin, namespace, name, address);
    const created = await admin.create(collectionPath(KINDS.pods, namespace), {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels: { ...labels }, ownerReferences: options.ownerReferences ?? [] },
      spec: {
        nodeName: node,
        containers: [{ name: "main", image: "none", ports: ports.map((port) => ({ ...port })) }],
        // The node of the tests never tells that it is well.
        tolerations: [{ operator: "Exists" }],
        ...(hostname === undefined ? {} : { hostname }),
        ...(subdomain === undefined ? {} : { subdomain }),
      },
    });
    expectStatus(created, [201], `The pod ${name} was not made`);
    await record.setReady(false);
    return record;
  }

  get path(): string {
    return objectPath(KINDS.pods, this.namespace, this.name);
  }

  /** Writes the status. A pod that is gone has none. */
  async setReady(ready: boolean): Promise<void> {
    const condition = (status: boolean) => (type: string) => ({
      type,
      status: status ? "True" : "False",
      lastTransitionTime: timeOf(Date.now()),
    });
    const status = {
      phase: "Running",
      podIP: this.address,
      podIPs: [{ ip: this.address }],
      conditions: [...ALWAYS_TRUE.map(condition(true)), ...OF_READINESS.map(condition(ready))],
    };
    const written = await this.#admin.patch(`${this.path}/status`, { status });
    expectStatus(written, [200, 404], `The status of the pod ${this.name} was not written`);
  }

  /** Asks for the pod's end, as a user or a controller does: it is terminating until its kubelet has ended it. */
  async delete(graceSeconds = 30): Promise<void> {
    await this.#delete(graceSeconds);
  }

  /** Lets the object go, as a kubelet does once everything in the pod has ended. */
  async remove(): Promise<void> {
    await this.#delete(0);
  }

  async #delete(gracePeriodSeconds: number): Promise<void> {
    const deleted = await this.#admin.delete(this.path, { gracePeriodSeconds });
    expectStatus(deleted, [200, 202, 404], `The pod ${this.name} was not deleted`);
  }
}

function expectStatus({ status, text }: Reply, expected: readonly number[], what: string): void {
  if (!expected.includes(status)) throw new Error(`${what}: ${status} ${text}`);
}
