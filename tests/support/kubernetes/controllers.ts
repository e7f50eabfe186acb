/**
 * The controllers of a cluster that a client notices: namespaces that empty themselves, the garbage collector, the
 * account and the ConfigMap that every namespace has, and EndpointSlices of Services with a selector.
 */
import { at, equal, type JsonObject, objectIn, objectsIn, textIn, textsIn } from "./json.ts";
import { keyOf, labelsOf, newMetadata } from "./metadata.ts";
import type { KubeObject, OwnerReference } from "./object.ts";
import type { Registry } from "./registry.ts";
import type { ResourceType } from "./resource-type.ts";
import { mapSelector } from "./selectors.ts";
import type { Change, Storage } from "./storage.ts";

const SLICES = "endpointslices.discovery.k8s.io";
const MANAGED_BY = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER = "endpointslice-controller.k8s.io";
const SERVICE_NAME = "kubernetes.io/service-name";

export class Controllers {
  readonly #storage: Storage;
  readonly #registry: Registry;
  readonly #ca: string;
  #scheduled: NodeJS.Immediate | undefined;
  readonly #subscribed = new Set<string>();
  /** Keys of Services whose EndpointSlices may be out of date. */
  readonly #stale = new Set<string>();
  #mayHaveGarbage = false;
  #stopped = false;
  /** True while a test holds the garbage collector and the namespace controller back. */
  paused = false;

  /** @param ca the certificate that the ConfigMap kube-root-ca.crt carries */
  constructor(storage: Storage, registry: Registry, ca: string) {
    this.#storage = storage;
    this.#registry = registry;
    this.#ca = ca;
  }

  start(): void {
    this.#subscribe();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
  }

  resume(): void {
    this.paused = false;
    this.#schedule();
  }

  #subscribe(): void {
    for (const type of this.#registry.types()) {
      if (this.#subscribed.has(type.storedAs)) continue;
      this.#subscribed.add(type.storedAs);
      this.#storage.collection(type.storedAs).subscribe((change) => {
        this.#note(type.storedAs, change);
        this.#schedule();
      });
    }
  }

  /** Notes what a change can leave to do, so that no run looks at everything. */
  #note(resource: string, { key, before, after, last }: Change): void {
    const { ownerReferences, deletionTimestamp, namespace = "", labels } = last.metadata;
    if (after === undefined || ownerReferences !== undefined || deletionTimestamp !== undefined) {
      this.#mayHaveGarbage = true;
    }
    if (resource === "services") this.#stale.add(key);
    if (resource === SLICES && labels?.[SERVICE_NAME] !== undefined) {
      this.#stale.add(keyOf(namespace, labels[SERVICE_NAME]));
    }
    if (resource !== "pods") return;
    for (const service of this.#storage.collection("services").values()) {
      if (service.metadata.namespace !== namespace) continue;
      const selects = mapSelector(objectIn(at(service.spec, "selector")));
      if ([before, after].some((pod) => pod !== undefined && selects(labelsOf(pod)))) {
        this.#stale.add(keyOf(namespace, service.metadata.name));
      }
    }
  }

  /** Runs soon, once for many writes. */
  #schedule(): void {
    if (this.#scheduled !== undefined || this.#stopped) return;
    this.#scheduled = setImmediate(() => {
      this.#scheduled = undefined;
      if (this.#stopped || this.paused) return;
      this.#subscribe();
      const before = this.#storage.revision;
      this.#furnishNamespaces();
      this.#emptyNamespaces();
      if (this.#mayHaveGarbage) {
        this.#mayHaveGarbage = false;
        this.#collectGarbage();
      }
      const stale = [...this.#stale];
      this.#stale.clear();
      for (const key of stale) this.#writeSlice(key);
      if (this.#storage.revision !== before) this.#schedule();
    });
  }

  #types(): ResourceType[] {
    const seen = new Set<string>();
    return this.#registry.types().filter(({ storedAs }) => !seen.has(storedAs) && seen.add(storedAs));
  }

  #furnishNamespaces(): void {
    for (const { metadata, status } of this.#storage.collection("namespaces").list()) {
      if (at(status, "phase") === "Terminating") continue;
      const put = (resource: string, object: JsonObject, name: string) => {
        const collection = this.#storage.collection(resource);
        const key = keyOf(metadata.name, name);
        if (collection.get(key) !== undefined) return;
        collection.put(key, {
          ...object,
          apiVersion: "v1",
          metadata: newMetadata({ name }, metadata.name, Date.now()),
        } as KubeObject);
      };
      put("serviceaccounts", { kind: "ServiceAccount" }, "default");
      put("configmaps", { kind: "ConfigMap", data: { "ca.crt": this.#ca } }, "kube-root-ca.crt");
    }
  }

  #emptyNamespaces(): void {
    const namespaces = this.#storage.collection("namespaces");
    for (const namespace of namespaces.list()) {
      const { name, finalizers } = namespace.metadata;
      if (at(namespace.status, "phase") !== "Terminating") continue;
      let left = 0;
      for (const type of this.#types().filter(({ namespaced }) => namespaced)) {
        const collection = this.#storage.collection(type.storedAs);
        for (const object of collection.list()) {
          if (object.metadata.namespace !== name) continue;
          if (!this.#delete(type, object)) left += 1;
        }
      }
      if (left === 0 && textsIn(finalizers).length === 0) namespaces.remove(name);
    }
  }

  /** Begins or ends a deletion. Returns true when the object is gone. */
  #delete(type: ResourceType, object: KubeObject): boolean {
    const { metadata } = object;
    const collection = this.#storage.collection(type.storedAs);
    const key = keyOf(metadata.namespace ?? "", metadata.name);
    if (textsIn(metadata.finalizers).length === 0) {
      collection.remove(key);
      return true;
    }
    if (metadata.deletionTimestamp === undefined) {
      const deletionTimestamp = new Date().toISOString().replace(/\.\d+/, "");
      collection.put(key, {
        ...object,
        metadata: { ...metadata, deletionTimestamp, deletionGracePeriodSeconds: 0 },
      });
    }
    return false;
  }

  /**
   * Deletes objects whose owners are all gone. An owner is looked for in the object's own namespace, so an owner in
   * another one counts as gone.
   */
  #collectGarbage(): void {
    for (const type of this.#types()) {
      for (const object of this.#storage.collection(type.storedAs).list()) {
        const { ownerReferences = [], namespace = "", finalizers } = object.metadata;
        if (ownerReferences.length > 0 && ownerReferences.every((owner) => this.#isGone(owner, namespace))) {
          this.#delete(type, object);
          continue;
        }
        if (object.metadata.deletionTimestamp === undefined) continue;
        const names = textsIn(finalizers);
        if (names.includes("orphan")) this.#release(type, object, "orphan", this.#orphan(object));
        else if (names.includes("foregroundDeletion")) {
          this.#release(type, object, "foregroundDeletion", this.#deleteDependents(object));
        }
      }
    }
  }

  #isGone({ apiVersion, kind, name, uid }: OwnerReference, namespace: string): boolean {
    const type = this.#registry.byKind(apiVersion, kind);
    if (type === undefined) return false;
    const key = keyOf(type.namespaced ? namespace : "", name);
    return this.#storage.collection(type.storedAs).get(key)?.metadata.uid !== uid;
  }

  #dependents(owner: KubeObject): { type: ResourceType; object: KubeObject }[] {
    return this.#types().flatMap((type) =>
      this.#storage
        .collection(type.storedAs)
        .list()
        .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid))
        .map((object) => ({ type, object })),
    );
  }

  #orphan(owner: KubeObject): boolean {
    for (const { type, object } of this.#dependents(owner)) {
      const ownerReferences = object.metadata.ownerReferences?.filter(
        ({ uid }) => uid !== owner.metadata.uid,
      );
      const metadata = { ...object.metadata, ownerReferences: ownerReferences ?? [] };
      if (metadata.ownerReferences.length === 0) Reflect.deleteProperty(metadata, "ownerReferences");
      this.#storage
        .collection(type.storedAs)
        .put(keyOf(metadata.namespace ?? "", metadata.name), { ...object, metadata });
    }
    return true;
  }

  /** Returns true when no dependent is left that blocks its owner. */
  #deleteDependents(owner: KubeObject): boolean {
    const left = this.#dependents(owner).filter(({ type, object }) => !this.#delete(type, object));
    return !left.some(({ object }) =>
      objectsIn(object.metadata.ownerReferences).some((each) => each.blockOwnerDeletion === true),
    );
  }

  #release(type: ResourceType, object: KubeObject, finalizer: string, isDone: boolean): void {
    if (!isDone) return;
    const { metadata } = object;
    const finalizers = textsIn(metadata.finalizers).filter((each) => each !== finalizer);
    const key = keyOf(metadata.namespace ?? "", metadata.name);
    const collection = this.#storage.collection(type.storedAs);
    if (finalizers.length === 0) collection.remove(key);
    else collection.put(key, { ...object, metadata: { ...metadata, finalizers } });
  }

  /** Keeps one EndpointSlice for a Service that has a selector. */
  #writeSlice(key: string): void {
    const service = this.#storage.collection("services").get(key);
    if (service === undefined) return;
    const { namespace = "", name, uid } = service.metadata;
    const selector = objectIn(at(service.spec, "selector"));
    if (Object.keys(selector).length === 0 || at(service.spec, "type") === "ExternalName") return;
    const selects = mapSelector(selector);
    const pods = [...this.#storage.collection("pods").values()].filter(
      (pod) =>
        pod.metadata.namespace === namespace &&
        textIn(at(pod.status, "podIP")) !== "" &&
        selects(labelsOf(pod)),
    );
    const slices = this.#storage.collection(SLICES);
    const content = sliceOf(service, pods);
    const old = [...slices.values()].find(
      ({ metadata }) =>
        metadata.namespace === namespace &&
        metadata.labels?.[MANAGED_BY] === CONTROLLER &&
        metadata.labels[SERVICE_NAME] === name,
    );
    if (old !== undefined && equal(old.endpoints, content.endpoints) && equal(old.ports, content.ports))
      return;
    const owner = {
      apiVersion: "v1",
      kind: "Service",
      name,
      uid,
      controller: true,
      blockOwnerDeletion: true,
    };
    const labels = { ...service.metadata.labels, [MANAGED_BY]: CONTROLLER, [SERVICE_NAME]: name };
    const metadata =
      old?.metadata ??
      newMetadata(
        { generateName: `${name}-`, labels, ownerReferences: [owner], generation: 1 },
        namespace,
        Date.now(),
      );
    slices.put(keyOf(namespace, metadata.name), { ...content, metadata } as KubeObject);
  }
}

function sliceOf(service: KubeObject, pods: readonly KubeObject[]): JsonObject {
  const publishes = at(service.spec, "publishNotReadyAddresses") === true;
  return {
    kind: "EndpointSlice",
    apiVersion: "discovery.k8s.io/v1",
    addressType: "IPv4",
    endpoints: pods.map((pod) => {
      const conditions = objectsIn(at(pod.status, "conditions"));
      const serving = conditions.some(({ type, status }) => type === "Ready" && status === "True");
      const terminating = pod.metadata.deletionTimestamp !== undefined;
      const hostname = textIn(at(pod.spec, "hostname"));
      const isNamed = hostname !== "" && at(pod.spec, "subdomain") === service.metadata.name;
      return {
        addresses: [textIn(at(pod.status, "podIP"))],
        conditions: { ready: publishes || (serving && !terminating), serving, terminating },
        ...(isNamed ? { hostname } : {}),
        ...(at(pod.spec, "nodeName") === undefined ? {} : { nodeName: at(pod.spec, "nodeName") }),
        targetRef: {
          kind: "Pod",
          namespace: pod.metadata.namespace,
          name: pod.metadata.name,
          uid: pod.metadata.uid,
        },
      };
    }),
    ports: objectsIn(at(service.spec, "ports")).flatMap(({ name, protocol, targetPort, appProtocol }) => {
      const port = typeof targetPort === "number" ? targetPort : portNamed(pods[0], textIn(targetPort));
      if (port === undefined) return [];
      return [{ name: textIn(name), port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
    }),
  };
}

/** The number of a port that a container names. */
function portNamed(pod: KubeObject | undefined, name: string): number | undefined {
  const found = objectsIn(at(pod?.spec, "containers"))
    .flatMap(({ ports }) => objectsIn(ports))
    .find((port) => port.name === name);
  return typeof found?.containerPort === "number" ? found.containerPort : undefined;
}
