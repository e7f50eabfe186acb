/**
 * The Multi-Cluster Services API in two clusters: the specifications of the conformance suite of mcs-api that need no
 * program in a pod, with their objects and expectations, and what the rules for controllers demand beyond them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { OpenCluster } from "../../connector/kubernetes/cluster/open-cluster.ts";
import { Clusterset } from "../../connector/kubernetes/mcs/clusterset.ts";
import { ExportMemory } from "../../connector/kubernetes/mcs/export-memory.ts";
import { networkName, udpNetworkName } from "../../connector/kubernetes/mcs/network-name.ts";
import { silent } from "../../connector/log.ts";
import type { StateStore } from "../../connector/state/store.ts";
import { eventually } from "../support/clock/eventually.ts";
import { at, type JsonObject, objectsIn, textIn } from "../support/kubernetes/json.ts";
import { MCS_DEFINITIONS } from "../support/kubernetes/mcs-definitions.ts";
import { type MemoryMember, MemoryNetwork } from "../support/kubernetes/memory-network.ts";
import { openTestCluster } from "../support/kubernetes/open-test-cluster.ts";
import { IS_REAL, TestCluster } from "../support/kubernetes/test-cluster.ts";

const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/** How long something that must not happen is waited for, ms. The suite of mcs-api waits for 5 s. */
const NEVER = 700;

const SITES = ["east", "west"] as const;
const siteId = (name: string) => `s${name.padEnd(26, "0")}`;

/** The state directories of the sites, which outlive their controllers. */
const files = new Map<string, string>();

const stateOf = (site: string): Pick<StateStore, "readOrSetAside" | "writeAtomic"> => ({
  readOrSetAside: async (file, schema) => {
    const text = files.get(`${site}/${file}`);
    return text === undefined ? null : schema.parse(JSON.parse(text));
  },
  writeAtomic: async (file, text) => {
    files.set(`${site}/${file}`, String(text));
  },
});

/** A cluster and its connector's controller. */
interface Member {
  readonly name: string;
  readonly api: TestCluster;
  readonly network: MemoryMember;
  cluster: OpenCluster;
  controller: Clusterset;
}

let members: Member[];
let first: Member;
let second: Member;
let namespace: string;

async function start(name: string, api: TestCluster, network: MemoryMember): Promise<Member> {
  const cluster = await openTestCluster({
    ...{ kubeconfig: api.kubeconfig, namespace: "default", watched: null },
    ...{ siteId: siteId(name), siteName: () => name },
  });
  const controller = new Clusterset(cluster, network, new ExportMemory(stateOf(name), silent));
  cluster.start();
  await controller.start();
  return { name, api, network, cluster, controller };
}

async function stop({ controller, cluster }: Member): Promise<void> {
  await controller.close();
  await cluster.close();
}

const pathOf = (resource: string, name = "") => {
  const group =
    resource === "services"
      ? "/api/v1"
      : resource === "endpointslices"
        ? "/apis/discovery.k8s.io/v1"
        : "/apis/multicluster.x-k8s.io/v1alpha1";
  return `${group}/namespaces/${namespace}/${resource}${name === "" ? "" : `/${name}`}`;
};

const hello = (spec: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "hello", annotations: { "dummy-svc": "dummy" }, labels: { "dummy-svc": "dummy" } },
  spec: {
    selector: { app: "hello" },
    ports: [
      { name: "tcp", port: 42, protocol: "TCP" },
      { name: "udp", port: 42, protocol: "UDP" },
    ],
    sessionAffinity: "ClientIP",
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
    ...spec,
  },
});

async function deploy({ api }: Member, service = hello()): Promise<void> {
  const { status, text } = await api.admin.create(pathOf("services"), service);
  expect(status, text).toBe(201);
}

async function exportHello({ api }: Member, spec: JsonObject = {}): Promise<void> {
  const { status, text } = await api.admin.create(pathOf("serviceexports"), {
    apiVersion: "multicluster.x-k8s.io/v1alpha1",
    kind: "ServiceExport",
    metadata: { name: "hello" },
    spec,
  });
  expect(status, text).toBe(201);
}

const unexport = ({ api }: Member) => api.admin.delete(pathOf("serviceexports", "hello"));

async function found({ api }: Member, resource: string, name: string): Promise<JsonObject | null> {
  const { status, body } = await api.admin.get(pathOf(resource, name));
  return status === 200 ? body : null;
}

async function listed({ api }: Member, resource: string): Promise<JsonObject[]> {
  return objectsIn((await api.admin.get(pathOf(resource))).body.items);
}

const imported = (member: Member) =>
  eventually(`a ServiceImport in ${member.name}`, () => found(member, "serviceimports", "hello"));

/** Waits for a ServiceImport that passes a check. */
const importedSo = (member: Member, check: (spec: JsonObject, object: JsonObject) => void) =>
  eventually(`the ServiceImport in ${member.name}`, async () => {
    const object = await found(member, "serviceimports", "hello");
    if (object === null) return false;
    check(at(object, "spec") as JsonObject, object);
    return true;
  });

const notImported = (member: Member) =>
  eventually(
    `no ServiceImport in ${member.name}`,
    async () => (await found(member, "serviceimports", "hello")) === null,
  );

const conditionOf = (object: JsonObject | null, type: string): JsonObject | undefined =>
  objectsIn(at(object ?? {}, "status", "conditions")).find((each) => each.type === type);

const condition = (member: Member, type: string, status: string, resource = "serviceexports") =>
  eventually(`${type} to be ${status} in ${member.name}`, async () => {
    const condition = conditionOf(await found(member, resource, "hello"), type);
    return condition?.status === status ? condition : false;
  });

const portsOf = (spec: JsonObject) =>
  objectsIn(spec.ports)
    .map(({ name, port, protocol }) => `${textIn(name)} ${String(port)}/${textIn(protocol)}`)
    .sort();

/** The slices of the clusterset, by source. */
async function slicesOf(member: Member): Promise<JsonObject[]> {
  const all = await listed(member, "endpointslices");
  return all.filter(
    ({ metadata }) => at(metadata, "labels", "multicluster.kubernetes.io/source-cluster") !== undefined,
  );
}

const derivedService = async (member: Member): Promise<JsonObject | undefined> =>
  (await listed(member, "services")).find(
    ({ metadata }) => at(metadata, "labels", "multicluster.kubernetes.io/service-name") === "hello",
  );

/** A pod that is ready, as a kubelet would say. */
async function pod({ api }: Member, name: string, ip: string, spec: JsonObject = {}): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await api.admin.create(path, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: "hello" } },
    spec: { containers: [{ name: "hello", image: "hello" }], ...spec },
  });
  await api.admin.patch(`${path}/${name}/status`, {
    status: {
      phase: "Running",
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  });
}

async function eventsAbout({ api }: Member, reason: string): Promise<JsonObject[]> {
  const { body } = await api.admin.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
  return objectsIn(body.items).filter((each) => each.reason === reason);
}

/** Older exports win, and times have whole seconds. */
const nextSecond = () => sleep(1100);

describe.skipIf(IS_REAL)("Clusters that share their services", () => {
  beforeAll(async () => {
    const network = new MemoryNetwork();
    members = await Promise.all(
      SITES.map(async (name, index) => {
        const api = await TestCluster.open();
        for (const definition of MCS_DEFINITIONS) await api.admin.create(DEFINITIONS, definition);
        return await start(name, api, network.join(siteId(name), name, `10.1.${index}.1`));
      }),
    );
    [first, second] = members as [Member, Member];
    await eventually("a leader in each cluster", () =>
      members.every(({ cluster }) => cluster.leadership.isLeader),
    );
  });

  afterAll(async () => {
    await Promise.all(
      members.map(async (member) => {
        await stop(member);
        await member.api[Symbol.asyncDispose]();
      }),
    );
  });

  beforeEach(async () => {
    namespace = await first.api.namespace("mcs");
    await second.api.admin.create("/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespace },
    });
  });

  afterEach(async () => {
    for (const { api } of members) await api.admin.delete(`/api/v1/namespaces/${namespace}`);
  });

  describe("with one export", () => {
    it("import a ClusterIP Service everywhere, and forget it with its export", async () => {
      await deploy(first);
      await exportHello(first);
      await condition(first, "Valid", "True");
      for (const member of members) {
        expect(at(await imported(member), "spec", "type")).toBe("ClusterSetIP");
      }
      await unexport(first);
      for (const member of members) await notImported(member);
    });

    it("keep affinity, policies and ports", async () => {
      await deploy(first, hello({ internalTrafficPolicy: "Cluster", trafficDistribution: "PreferClose" }));
      await exportHello(first);
      for (const member of members) {
        await importedSo(member, (spec) => {
          expect(spec).toMatchObject({
            sessionAffinity: "ClientIP",
            sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
            internalTrafficPolicy: "Cluster",
            trafficDistribution: "PreferClose",
          });
          expect(portsOf(spec)).toEqual(["tcp 42/TCP", "udp 42/UDP"]);
        });
      }
    });

    it("give the import an address, which is that of a Service of the connector's", async () => {
      await deploy(first);
      await exportHello(first);
      for (const member of members) {
        await importedSo(member, ({ ips }) => expect(ips).toEqual([expect.stringMatching(/^\d+\./)]));
        await condition(member, "Ready", "True", "serviceimports");
        const service = await derivedService(member);
        const object = await imported(member);
        expect(at(service?.spec, "clusterIP")).toBe((at(object, "spec", "ips") as string[])[0]);
        expect(at(object, "status", "clusters")).toEqual([{ cluster: "east" }]);
      }
    });

    it("import a headless Service without an address", async () => {
      await deploy(first, hello({ clusterIP: "None", sessionAffinity: "None", sessionAffinityConfig: null }));
      await exportHello(first);
      for (const member of members) {
        expect(at(await imported(member), "spec", "type")).toBe("Headless");
      }
      await sleep(NEVER);
      expect(at(await imported(first), "spec", "ips")).toBeUndefined();
      await unexport(first);
      for (const member of members) await notImported(member);
    });

    it("refuse a Service of the type ExternalName", async () => {
      await deploy(first, hello({ type: "ExternalName", externalName: "example.com", selector: null }));
      await exportHello(first);
      const { reason } = await condition(first, "Valid", "False");
      expect(reason).toBe("InvalidServiceType");
      await sleep(NEVER);
      expect(await found(first, "serviceimports", "hello")).toBeNull();
    });

    it("propagate exported labels and annotations alone", async () => {
      await deploy(first);
      await exportHello(first, {
        exportedAnnotations: { "dummy-annotation": "true" },
        exportedLabels: { "dummy-label": "true" },
      });
      await importedSo(first, (_, { metadata }) => {
        expect(at(metadata, "labels")).toMatchObject({ "dummy-label": "true" });
        expect(at(metadata, "annotations")).toMatchObject({ "dummy-annotation": "true" });
        expect(at(metadata, "labels", "dummy-svc")).toBeUndefined();
        expect(at(metadata, "annotations", "dummy-svc")).toBeUndefined();
      });
    });

    it("have an EndpointSlice in each cluster, which goes with the export", async () => {
      await deploy(first);
      await exportHello(first);
      for (const member of members) {
        const [slice] = await eventually(`a slice in ${member.name}`, async () => {
          const slices = await slicesOf(member);
          return slices.length > 0 && slices;
        });
        expect(slice?.addressType).toBe("IPv4");
        const labels = at(slice?.metadata, "labels");
        expect(at(labels, "multicluster.kubernetes.io/service-name")).toBe("hello");
        expect(at(labels, "endpointslice.kubernetes.io/managed-by")).toBe("fairlead");
        expect(at(slice?.metadata, "ownerReferences")).toMatchObject([
          { kind: "ServiceImport", name: "hello" },
        ]);
      }
      await unexport(first);
      for (const member of members) {
        await eventually("no slice", async () => (await slicesOf(member)).length === 0);
        await eventually("no Service", async () => (await derivedService(member)) === undefined);
      }
    });
  });

  describe("with two exports", () => {
    it("import as long as one of them is there", async () => {
      await deploy(first);
      await exportHello(first);
      await imported(first);
      await deploy(second);
      await exportHello(second);
      await importedSo(first, (_, { status }) =>
        expect(at(status, "clusters")).toEqual([{ cluster: "east" }, { cluster: "west" }]),
      );
      const before = at(await imported(first), "metadata", "uid");
      await unexport(first);
      await importedSo(first, (_, { status }) =>
        expect(at(status, "clusters")).toEqual([{ cluster: "west" }]),
      );
      expect(at(await imported(first), "metadata", "uid")).toBe(before);
      await unexport(second);
      for (const member of members) await notImported(member);
    });

    it("have the union of their ports, also one that the network does not carry", async () => {
      await deploy(first);
      await exportHello(first);
      await nextSecond();
      await deploy(
        second,
        hello({
          ports: [
            { name: "tcp", port: 42, protocol: "TCP" },
            { name: "stcp", port: 142, protocol: "SCTP" },
          ],
        }),
      );
      await exportHello(second);
      await importedSo(first, (spec) =>
        expect(portsOf(spec)).toEqual(["stcp 142/SCTP", "tcp 42/TCP", "udp 42/UDP"]),
      );
      await condition(first, "Conflict", "False");
      const [event] = await eventually("the Event", async () => {
        const events = await eventsAbout(second, "ProtocolNotCarried");
        return events.length > 0 && events;
      });
      expect(event?.note).toMatch(/SCTP port stcp/);
    });

    it("resolve conflicting ports for the oldest export, and tell both", async () => {
      await deploy(first);
      await exportHello(first);
      await nextSecond();
      await deploy(second, hello({ ports: [{ name: "tcp", port: 43, protocol: "TCP" }] }));
      await exportHello(second);
      for (const member of members) {
        expect((await condition(member, "Conflict", "True")).reason).toBe("PortConflict");
        await importedSo(member, (spec) => expect(portsOf(spec)).toEqual(["tcp 42/TCP", "udp 42/UDP"]));
      }
      const slice = (await slicesOf(first)).find(
        ({ metadata }) => at(metadata, "labels", "multicluster.kubernetes.io/source-cluster") === "west",
      );
      expect(objectsIn(slice?.ports)).toEqual([]);
      await unexport(second);
      await condition(first, "Conflict", "False");
    });

    it("resolve conflicting types for the oldest export, and tell both", async () => {
      await deploy(first);
      await exportHello(first);
      await nextSecond();
      await deploy(
        second,
        hello({ clusterIP: "None", sessionAffinity: "None", sessionAffinityConfig: null }),
      );
      await exportHello(second);
      for (const member of members) {
        expect((await condition(member, "Conflict", "True")).reason).toBe("TypeConflict");
        await importedSo(member, ({ type }) => expect(type).toBe("ClusterSetIP"));
      }
    });

    it("resolve conflicting labels and annotations for the oldest export, and tell both", async () => {
      await deploy(first);
      await exportHello(first, {
        exportedAnnotations: { "dummy-annotation": "true" },
        exportedLabels: { "dummy-label": "true" },
      });
      await nextSecond();
      await deploy(second);
      await exportHello(second, {
        exportedAnnotations: { "dummy-annotation2": "true" },
        exportedLabels: { "dummy-label2": "true" },
      });
      for (const member of members) {
        const { reason } = await condition(member, "Conflict", "True");
        expect(reason).toBe("LabelsConflict,AnnotationsConflict");
        await importedSo(member, (_, { metadata }) => {
          expect(at(metadata, "labels")).toMatchObject({ "dummy-label": "true" });
          expect(at(metadata, "labels", "dummy-label2")).toBeUndefined();
          expect(at(metadata, "annotations", "dummy-annotation2")).toBeUndefined();
        });
      }
    });
  });

  describe("by the rules for controllers", () => {
    it("offer ready pods for TCP and UDP, and lead to the listeners of the other cluster", async () => {
      await deploy(first);
      await pod(first, "hello-0", "10.244.1.7");
      await exportHello(first);
      const tcp = await eventually("the target", () =>
        first.network.exposures.find(
          ({ name, ports }) =>
            name === networkName(namespace, "hello") && ports.some(({ targets }) => targets.length > 0),
        ),
      );
      expect(tcp.ports).toEqual([
        { servicePort: 42, protocol: "tcp", targets: [{ host: "10.244.1.7", port: 42 }] },
      ]);
      const udp = first.network.exposures.find(({ name }) => name === udpNetworkName(namespace, "hello"));
      expect(udp?.ports[0]?.protocol).toBe("udp");
      const [own] = await eventually("the pod in the own slice", async () => {
        const slices = await slicesOf(first);
        return objectsIn(slices[0]?.endpoints).length > 0 && slices;
      });
      expect(at(objectsIn(own?.endpoints)[0], "addresses")).toEqual(["10.244.1.7"]);
      const [there] = await eventually("a slice in the other cluster", async () => {
        const slices = await slicesOf(second);
        return slices.length > 0 && slices;
      });
      expect(at(objectsIn(there?.endpoints)[0], "addresses")).toEqual(["10.1.1.1"]);
      const service = await derivedService(second);
      expect(at(there?.metadata, "labels", "kubernetes.io/service-name")).toBe(at(service?.metadata, "name"));
      expect(objectsIn(there?.ports).map(({ name, protocol }) => [name, protocol])).toEqual([
        ["tcp", "TCP"],
        ["udp", "UDP"],
      ]);
    });

    it("say that a Service is missing, and export it once it is there", async () => {
      await exportHello(first);
      const { reason, message } = await condition(first, "Valid", "False");
      expect(reason).toBe("NoService");
      expect(message).toBe(
        `There is no Service hello in the namespace ${namespace}. Create it, or delete the ServiceExport.`,
      );
      const [event] = await eventually("the Event", async () => {
        const events = await eventsAbout(first, "NoService");
        return events.length > 0 && events;
      });
      expect(event?.type).toBe("Warning");
      await deploy(first);
      await condition(first, "Ready", "True");
      await imported(second);
    });

    it("write nothing when nothing has changed", async () => {
      await deploy(first);
      await exportHello(first);
      for (const member of members) await condition(member, "Ready", "True", "serviceimports");
      await condition(first, "Conflict", "False");
      const versions = async () =>
        await Promise.all(
          members.flatMap((member) =>
            ["serviceexports", "serviceimports", "services", "endpointslices"].map(async (resource) =>
              (await listed(member, resource)).map(({ metadata }) => at(metadata, "resourceVersion")),
            ),
          ),
        );
      let before = await versions();
      await eventually(
        "the last write",
        async () => {
          const earlier = before;
          before = await versions();
          return JSON.stringify(before) === JSON.stringify(earlier);
        },
        { every: NEVER },
      );
      for (const { network } of members) network.notify();
      await sleep(NEVER);
      expect(await versions()).toEqual(before);
    });

    it("leave a ServiceImport of the user's as it is", async () => {
      const own = {
        apiVersion: "multicluster.x-k8s.io/v1alpha1",
        kind: "ServiceImport",
        metadata: { name: "hello" },
        spec: { type: "ClusterSetIP", ports: [{ port: 1 }] },
      };
      const made = await second.api.admin.create(pathOf("serviceimports"), own);
      await deploy(first);
      await exportHello(first);
      await imported(first);
      await eventually("the Event", async () => (await eventsAbout(second, "NameTaken")).length > 0);
      expect((await found(second, "serviceimports", "hello")) as JsonObject).toEqual(made.body);
      await unexport(first);
      await notImported(first);
      expect((await found(second, "serviceimports", "hello")) as JsonObject).toEqual(made.body);
    });

    it("restore what was edited or deleted by hand, and keep the address", async () => {
      await deploy(first);
      await exportHello(first);
      await condition(second, "Ready", "True", "serviceimports");
      const service = await derivedService(second);
      const name = textIn(at(service?.metadata, "name"));
      await second.api.admin.patch(pathOf("services", name), {
        spec: { ports: [{ name: "other", port: 1 }] },
        metadata: { labels: { team: "shop" } },
      });
      await eventually("the ports", async () => {
        const now = await derivedService(second);
        return JSON.stringify(at(now?.spec, "ports")) === JSON.stringify(at(service?.spec, "ports"));
      });
      const restored = await derivedService(second);
      expect(at(restored?.spec, "clusterIP")).toBe(at(service?.spec, "clusterIP"));
      expect(at(restored?.metadata, "labels", "team")).toBe("shop");
      const [slice] = await slicesOf(second);
      await second.api.admin.delete(pathOf("endpointslices", textIn(at(slice?.metadata, "name"))));
      await eventually("the slice", async () => (await slicesOf(second)).length === 1);
      await second.api.admin.delete(pathOf("serviceimports", "hello"));
      await condition(second, "Ready", "True", "serviceimports");
    });

    it("delete nothing while the registry has not said all", async () => {
      await deploy(first);
      await exportHello(first);
      const before = at(await imported(second), "metadata", "uid");
      await stop(second);
      second.network.isComplete = false;
      first.network.isRevoked = true;
      Object.assign(second, await start(second.name, second.api, second.network));
      await eventually("a leader", () => second.cluster.leadership.isLeader);
      await sleep(NEVER);
      expect(at(await imported(second), "metadata", "uid")).toBe(before);
      second.network.isComplete = true;
      second.network.notify();
      await notImported(second);
      first.network.isRevoked = false;
      second.network.notify();
      await imported(second);
    });

    it("keep their offers over a restart while the API server is away", async () => {
      await deploy(first);
      await pod(first, "hello-0", "10.244.1.10");
      await exportHello(first);
      const name = networkName(namespace, "hello");
      const targets = () =>
        first.network.exposures.find((exposure) => exposure.name === name)?.ports[0]?.targets;
      await eventually("the target", () => targets()?.length === 1);
      await imported(second);
      await stop(first);
      await first.api.server.goAway();
      first.network.exposures = [];
      Object.assign(first, await start(first.name, first.api, first.network));
      await eventually("the offer", () => targets()?.length === 1);
      await first.api.server.comeBack();
      await unexport(first);
      await eventually("the end of the offer", () => targets() === undefined);
      await notImported(second);
    });

    it("import into a namespace that comes later, and again after it was deleted", async () => {
      await deploy(first);
      await second.api.admin.delete(`/api/v1/namespaces/${namespace}`);
      const gone = async () => (await second.api.admin.get(`/api/v1/namespaces/${namespace}`)).status === 404;
      await eventually("the namespace to be gone", gone);
      await exportHello(first);
      await imported(first);
      for (let round = 0; round < 2; round++) {
        await second.api.admin.create("/api/v1/namespaces", {
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name: namespace },
        });
        await imported(second);
        await second.api.admin.delete(`/api/v1/namespaces/${namespace}`);
        await eventually("the namespace to be gone", gone);
      }
    });

    it("say that the network refuses an export", async () => {
      first.network.refusals.set(networkName(namespace, "hello"), "The quota is used up.");
      await deploy(first);
      await exportHello(first);
      const { reason, message } = await condition(first, "Ready", "False");
      expect([reason, message]).toEqual(["Failed", "The quota is used up."]);
      first.network.refusals.clear();
      first.network.notify();
      await condition(first, "Ready", "True");
    });

    it("reach each pod of a headless Service by a name", async () => {
      await deploy(first, hello({ clusterIP: "None", sessionAffinity: "None", sessionAffinityConfig: null }));
      await pod(first, "hello-0", "10.244.1.8", { hostname: "hello-0", subdomain: "hello" });
      await pod(first, "hello-1", "10.244.1.9", { hostname: "hello-1", subdomain: "hello" });
      await exportHello(first);
      const hosts = (slice: JsonObject | undefined) =>
        objectsIn(slice?.endpoints)
          .map(({ hostname }) => textIn(hostname))
          .sort();
      const [own] = await eventually("the own pods", async () => {
        const slices = await slicesOf(first);
        return hosts(slices[0]).length === 2 && slices;
      });
      expect(hosts(own)).toEqual(["hello-0", "hello-1"]);
      const [there] = await eventually("the pods of the other cluster", async () => {
        const slices = await slicesOf(second);
        return hosts(slices[0]).length === 2 && slices;
      });
      expect(hosts(there)).toEqual(["hello-0", "hello-1"]);
      const names = second.network.names?.service(namespace, "hello");
      expect(names).toMatchObject({
        pods: [
          { host: "hello-0", cluster: "east" },
          { host: "hello-1", cluster: "east" },
        ],
      });
      const addresses = (await listed(second, "services")).map(({ spec }) => at(spec, "clusterIP"));
      for (const endpoint of objectsIn(there?.endpoints)) {
        expect(addresses).toContain((endpoint.addresses as string[])[0]);
      }
    });
  });
});
