/** Services for the services of the network, against an API server: what is made, restored, left alone and deleted. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connectorLabels } from "../../connector/kubernetes/cluster/names.ts";
import type { ClusterOptions, OpenCluster } from "../../connector/kubernetes/cluster/open-cluster.ts";
import { Imports } from "../../connector/kubernetes/imports/imports.ts";
import { Catalogue } from "../../connector/listeners/catalogue.ts";
import type { VisibleService } from "../../protocol/uplink/messages.ts";
import { eventually } from "../support/clock/eventually.ts";
import type { Refusal } from "../support/kubernetes/faults.ts";
import { at, type JsonObject, objectsIn } from "../support/kubernetes/json.ts";
import { openTestCluster, SITE_ID } from "../support/kubernetes/open-test-cluster.ts";
import { StatusError } from "../support/kubernetes/status.ts";
import { IS_REAL, TestCluster } from "../support/kubernetes/test-cluster.ts";
import { temporaryState } from "../support/process/directories.ts";

const SELECTOR = connectorLabels("fairlead");

let cluster: TestCluster;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  cluster = await TestCluster.open();
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

const service = (name: string, port = 80, more: Partial<VisibleService> = {}): VisibleService => ({
  ...{ name, port, protocol: "http", offers: [{ site: "site_east", siteName: "east", boot: "boot_1" }] },
  ...more,
});

interface Given extends Partial<ClusterOptions> {
  readonly namespaces?: readonly string[];
  readonly podName?: string;
  readonly offered?: readonly string[];
}

/** A connector's half that has to do with Services, with a catalogue that the test fills. */
async function open(namespace: string, { namespaces = [namespace], offered = [], ...options }: Given = {}) {
  const { kubeconfig } = cluster;
  const { podName: name = "connector-0" } = options;
  const pod = { name, address: "10.244.0.9", inCluster: true };
  if (options.pod === undefined) await makePod(namespace, name, pod.address);
  const opened: OpenCluster = await openTestCluster({
    ...{ kubeconfig, namespace, imports: namespaces },
    ...{ pod, ...options },
  });
  const catalogue = new Catalogue(() => imports.networkChanged());
  const imports: Imports = new Imports({
    ...{ cluster: opened, catalogue, state: await temporaryState() },
    range: { from: 20_000, to: 29_999 },
    offered: () => offered,
    listeners: { assign: () => undefined, isListening: true },
    release: () => opened.release(),
    isApiAway: () => opened.state.api.isUp === false,
    leaveMs: 0,
  });
  const close = async () => {
    await imports.close();
    await opened.close();
  };
  closing.push(close);
  opened.start();
  await imports.start();
  return { imports, catalogue, cluster: opened, close };
}

const servicesPath = (namespace: string, name = "") => `/api/v1/namespaces/${namespace}/services/${name}`;
const slicesPath = (namespace: string, name = "") =>
  `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/${name}`;
const mapPath = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps/fairlead-listeners`;

async function found(path: string): Promise<JsonObject | null> {
  const { status, body } = await cluster.admin.get(path);
  return status === 200 ? body : null;
}

const made = (namespace: string, name: string): Promise<JsonObject> =>
  eventually(`the Service ${name}`, () => found(servicesPath(namespace, name)));

const madeSlice = (namespace: string, name: string): Promise<JsonObject> =>
  eventually(`the slice ${name}`, () => found(slicesPath(namespace, name)));

const gone = (namespace: string, name: string) =>
  eventually(
    `the end of the Service ${name}`,
    async () => (await found(servicesPath(namespace, name))) === null,
  );

const addressesOf = (slice: JsonObject | null): string[] =>
  objectsIn(slice?.endpoints).flatMap(({ addresses }) =>
    Array.isArray(addresses) ? addresses.map(String) : [],
  );

async function events(namespace: string, reason?: string): Promise<JsonObject[]> {
  const { body } = await cluster.admin.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
  const all = objectsIn(body.items).filter((each) => each.reportingController === "fairlead.dev/connector");
  return all.filter((each) => reason === undefined || each.reason === reason);
}

/** A pod of a connector, as a kubelet tells of it. */
async function makePod(namespace: string, name: string, address: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const spec = { containers: [{ name: "connector", image: "fairlead:test" }] };
  const created = await cluster.admin.create(path, {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name, labels: SELECTOR }, spec },
  });
  expect([201, 409]).toContain(created.status);
  await setReady(namespace, name, true, address);
}

async function setReady(namespace: string, name: string, isReady: boolean, address: string): Promise<void> {
  const conditions = [{ type: "Ready", status: isReady ? "True" : "False" }];
  const status = { phase: "Running", podIP: address, podIPs: [{ ip: address }], conditions };
  const { status: code } = await cluster.admin.patch(`/api/v1/namespaces/${namespace}/pods/${name}/status`, {
    status,
  });
  expect(code).toBe(200);
}

describe("A service of the network", () => {
  it("has a Service with a selector in the connectors' namespace, and one with slices elsewhere", async () => {
    const [own, other] = [await cluster.namespace(), await cluster.namespace()];
    const { catalogue } = await open(own, { namespaces: [own, other] });
    catalogue.welcome([service("api", 8080)]);
    const first = await made(own, "api");
    expect(at(first, "spec", "selector")).toEqual(SELECTOR);
    expect(at(first, "metadata", "labels")).toMatchObject({ "fairlead.dev/site-id": SITE_ID });
    expect(at(first, "metadata", "annotations")).toEqual({ "fairlead.dev/service": "api" });
    const [port] = objectsIn(at(first, "spec", "ports"));
    expect(port).toMatchObject({ name: "http-8080", port: 8080, protocol: "TCP", appProtocol: "http" });
    const second = await made(other, "api");
    expect(at(second, "spec", "selector")).toBeUndefined();
    const slice = await madeSlice(other, "api-fairlead-ipv4");
    expect(addressesOf(slice)).toEqual(["10.244.0.9"]);
    expect(objectsIn(slice.ports)).toMatchObject([{ name: "http-8080", port: port?.targetPort }]);
    expect(at(await found(mapPath(own)), "data")).toEqual({ "api.8080.tcp": String(port?.targetPort) });
    const [told] = await eventually("an Event", async () => {
      const all = await events(own, "ServiceControllerCreateEvent");
      return all.length === 1 && all;
    });
    expect(told).toMatchObject({ type: "Normal", note: "Creating service api", regarding: { name: "api" } });
  });

  it("follows the ports of the network, and keeps the address", async () => {
    const own = await cluster.namespace();
    const { catalogue } = await open(own);
    catalogue.welcome([service("api", 8080)]);
    const address = at(await made(own, "api"), "spec", "clusterIP");
    const ports = [
      { port: 8080, protocol: "http" as const },
      { port: 53, protocol: "udp" as const },
    ];
    catalogue.change({ put: [service("api", 8080, { ports })], gone: [] });
    await eventually("the second port", async () => {
      const names = objectsIn(at(await made(own, "api"), "spec", "ports")).map(({ name }) => name);
      return names.join() === "http-8080,udp-53";
    });
    expect(at(await made(own, "api"), "spec", "clusterIP")).toBe(address);
  });

  it("has one Service for each pod of a headless service, and a headless one with their names", async () => {
    const own = await cluster.namespace();
    const { catalogue } = await open(own);
    const pod = (host: string) =>
      service(host, 5432, {
        offers: [{ site: "site_east", siteName: "east", boot: "boot_1", headless: { of: "db", host } }],
      });
    catalogue.welcome([service("db", 5432), pod("db-0"), pod("db-1")]);
    expect(at(await made(own, "db"), "spec", "clusterIP")).toBe("None");
    const addresses = [
      at(await made(own, "db-0"), "spec", "clusterIP"),
      at(await made(own, "db-1"), "spec", "clusterIP"),
    ];
    await eventually("the addresses of the pods", async () => {
      const slice = await found(slicesPath(own, "db-fairlead-ipv4"));
      return addressesOf(slice).join() === addresses.join();
    });
    const slice = await madeSlice(own, "db-fairlead-ipv4");
    expect(objectsIn(slice.endpoints).map(({ hostname }) => hostname)).toEqual(["db-0", "db-1"]);
    expect(objectsIn(slice.ports)[0]?.port).toBe(5432);
  });

  it("with a name that no Service can have is told in an Event, and others are made", async () => {
    const own = await cluster.namespace();
    const { catalogue } = await open(own);
    catalogue.welcome([service("9lives"), service("api")]);
    await made(own, "api");
    const [told] = await eventually("the Warning", async () => {
      const all = (await events(own)).filter(({ type }) => type === "Warning");
      return all.length > 0 && all;
    });
    expect(told?.note).toContain("Error trying to create service 9lives: ");
  });
});

describe("A Service of somebody else with the name of a service", () => {
  it("stays as it is to the last byte, with one Warning, until it goes", async () => {
    const own = await cluster.namespace();
    const spec = { selector: { app: "mine" }, ports: [{ port: 80 }] };
    await cluster.admin.create(servicesPath(own), {
      ...{ apiVersion: "v1", kind: "Service", metadata: { name: "api", labels: { app: "mine" } }, spec },
    });
    const before = JSON.stringify(await made(own, "api"));
    const { catalogue } = await open(own);
    catalogue.welcome([service("api"), service("web")]);
    await made(own, "web");
    for (const name of ["a", "b", "c"]) catalogue.change({ put: [service(name)], gone: [] });
    await made(own, "c");
    catalogue.change({ put: [], gone: ["a"] });
    await gone(own, "a");
    expect(JSON.stringify(await made(own, "api"))).toBe(before);
    const warnings = (await events(own)).filter(({ type }) => type === "Warning");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ reason: "ServiceControllerCreateEvent", regarding: { name: "api" } });
    expect(warnings[0]?.series).toBeUndefined();
    await cluster.admin.delete(servicesPath(own, "api"));
    await eventually("the Service of the network", async () => {
      const now = await found(servicesPath(own, "api"));
      return at(now ?? {}, "metadata", "labels", "fairlead.dev/site-id") === SITE_ID;
    });
  });

  it("is no surprise where this site offers the service", async () => {
    const own = await cluster.namespace();
    const spec = { selector: { app: "mine" }, ports: [{ port: 80 }] };
    await cluster.admin.create(servicesPath(own), {
      ...{ apiVersion: "v1", kind: "Service", metadata: { name: "api" }, spec },
    });
    const { catalogue } = await open(own, { offered: ["api"] });
    catalogue.welcome([service("api"), service("web")]);
    await made(own, "web");
    expect((await events(own)).filter(({ type }) => type === "Warning")).toEqual([]);
  });

  it("of another site is not touched when the service is gone", async () => {
    const own = await cluster.namespace();
    const labels = { "app.kubernetes.io/managed-by": "fairlead", "fairlead.dev/site-id": "site_other" };
    const annotations = { "fairlead.dev/service": "api" };
    await cluster.admin.create(servicesPath(own), {
      ...{ apiVersion: "v1", kind: "Service", metadata: { name: "api", labels, annotations } },
      spec: { ports: [{ port: 80 }] },
    });
    const before = JSON.stringify(await made(own, "api"));
    const { catalogue } = await open(own);
    catalogue.welcome([service("web")]);
    await made(own, "web");
    catalogue.change({ put: [], gone: ["web"] });
    await gone(own, "web");
    expect(JSON.stringify(await made(own, "api"))).toBe(before);
  });
});

describe("A Service that was made", () => {
  it("is restored after an edit, with its address and the labels of others", async () => {
    const own = await cluster.namespace();
    const { catalogue } = await open(own);
    catalogue.welcome([service("api")]);
    const before = await made(own, "api");
    await cluster.admin.patch(servicesPath(own, "api"), {
      metadata: { labels: { team: "a" }, annotations: { "fairlead.dev/service": null } },
      spec: { selector: { app: "mine" }, ports: [{ name: "x", port: 1, targetPort: 2 }] },
    });
    const after = await eventually("the restored Service", async () => {
      const now = await made(own, "api");
      return at(now, "metadata", "annotations", "fairlead.dev/service") === "api" && now;
    });
    expect(at(after, "spec")).toEqual({ ...(before.spec as JsonObject), selector: SELECTOR });
    expect(at(after, "metadata", "labels", "team")).toBe("a");
    expect(at(after, "metadata", "uid")).toBe(at(before, "metadata", "uid"));
  });

  it.each([
    ["NodePort", {}],
    ["LoadBalancer", {}],
    ["ExternalName", { externalName: "elsewhere.example" }],
  ])("is restored after somebody made it a %s", async (type, more) => {
    const own = await cluster.namespace();
    const { catalogue } = await open(own);
    catalogue.welcome([service("api")]);
    const before = await made(own, "api");
    const { status } = await cluster.admin.patch(servicesPath(own, "api"), { spec: { type, ...more } });
    expect(status).toBe(200);
    const after = await eventually("the restored Service", async () => {
      const now = await made(own, "api");
      return at(now, "spec", "type") === "ClusterIP" && now;
    });
    const { clusterIP: _, clusterIPs: __, ...spec } = before.spec as JsonObject;
    expect(at(after, "spec")).toMatchObject(spec);
    expect(at(after, "spec", "externalName")).toBeUndefined();
  });

  it("is made again after it was deleted by hand, at the same listener port, and its slice too", async () => {
    const [own, other] = [await cluster.namespace(), await cluster.namespace()];
    const { catalogue } = await open(own, { namespaces: [other] });
    catalogue.welcome([service("api")]);
    const before = await made(other, "api");
    await madeSlice(other, "api-fairlead-ipv4");
    await cluster.admin.delete(servicesPath(other, "api"));
    const after = await eventually("another Service", async () => {
      const now = await found(servicesPath(other, "api"));
      return at(now ?? {}, "metadata", "uid") !== at(before, "metadata", "uid") && now;
    });
    const targetOf = (from: JsonObject) => objectsIn(at(from, "spec", "ports"))[0]?.targetPort;
    expect(targetOf(after)).toBe(targetOf(before));
    await eventually("a slice of the new Service", async () => {
      const slice = await found(slicesPath(other, "api-fairlead-ipv4"));
      const [owner] = objectsIn(at(slice ?? {}, "metadata", "ownerReferences"));
      return owner?.uid === at(after, "metadata", "uid");
    });
    await cluster.admin.patch(slicesPath(other, "api-fairlead-ipv4"), { endpoints: [], ports: [] });
    await eventually("the restored slice", async () => {
      return addressesOf(await found(slicesPath(other, "api-fairlead-ipv4"))).join() === "10.244.0.9";
    });
    await cluster.admin.delete(slicesPath(other, "api-fairlead-ipv4"));
    await madeSlice(other, "api-fairlead-ipv4");
  });

  it("is deleted when the registry says that the service is gone, and with an Event", async () => {
    const own = await cluster.namespace();
    const { catalogue } = await open(own);
    catalogue.welcome([service("api"), service("web")]);
    await made(own, "api");
    await made(own, "web");
    catalogue.change({ put: [], gone: ["api"] });
    await gone(own, "api");
    await made(own, "web");
    const told = await eventually("an Event", async () => {
      const all = await events(own, "ServiceControllerDeleteEvent");
      return all.length > 0 && all;
    });
    expect(told).toMatchObject([{ type: "Normal", note: "Deleting service api" }]);
  });

  it("stays while the registry has not named every service, and after the site was revoked", async () => {
    const own = await cluster.namespace();
    const first = await open(own);
    first.catalogue.welcome([service("api"), service("old")]);
    const before = await made(own, "api");
    await made(own, "old");
    await first.close();
    const { catalogue } = await open(own);
    await eventually("the first copy", () => first.cluster.views.services.synced);
    catalogue.welcome([service("web")], true);
    await eventually("the ConfigMap of before", () => found(mapPath(own)));
    catalogue.change({ put: [service("api")], gone: [], complete: true });
    await gone(own, "old");
    await made(own, "web");
    expect(at(await made(own, "api"), "metadata", "uid")).toBe(at(before, "metadata", "uid"));
    catalogue.clear();
    await cluster.admin.patch(servicesPath(own, "web"), { metadata: { labels: { seen: "1" } } });
    expect(at(await made(own, "web"), "metadata", "labels", "seen")).toBe("1");
    expect(at(await made(own, "api"), "metadata", "uid")).toBe(at(before, "metadata", "uid"));
  });

  it("comes back with its namespace", async () => {
    const [own, other] = [await cluster.namespace(), await cluster.namespace()];
    const { catalogue } = await open(own, { namespaces: [own, other] });
    catalogue.welcome([service("api")]);
    const before = await made(other, "api");
    await cluster.admin.delete(`/api/v1/namespaces/${other}`);
    await eventually(
      "the end of the namespace",
      async () => (await found(`/api/v1/namespaces/${other}`)) === null,
    );
    await cluster.admin.create("/api/v1/namespaces", {
      ...{ apiVersion: "v1", kind: "Namespace", metadata: { name: other } },
    });
    await eventually("another Service", async () => {
      const now = await found(servicesPath(other, "api"));
      return now !== null && at(now, "metadata", "uid") !== at(before, "metadata", "uid");
    });
    expect((await events(own)).filter(({ type }) => type === "Warning")).toEqual([]);
  });
});

describe("The ConfigMap of listener ports", () => {
  it("is made again as it was, and repaired with an Event", async () => {
    const own = await cluster.namespace();
    const { catalogue, imports } = await open(own);
    catalogue.welcome([service("api"), service("web")]);
    const dataOf = async () => at((await found(mapPath(own))) ?? {}, "data");
    const before = await eventually("the ports", async () => {
      const data = await dataOf();
      return Object.keys((data ?? {}) as JsonObject).length === 2 && data;
    });
    await made(own, "web");
    const same = () =>
      eventually(
        "the ports of before",
        async () => JSON.stringify(await dataOf()) === JSON.stringify(before),
      );
    await cluster.admin.delete(mapPath(own));
    await same();
    await cluster.admin.patch(mapPath(own), { data: { "api.80.tcp": "soon", nonsense: "1" } });
    await same();
    const told = await eventually("an Event", async () => {
      const all = await events(own, "ListenerPortsRepaired");
      return all.length > 0 && all;
    });
    expect(told[0]).toMatchObject({ type: "Warning", regarding: { name: "fairlead-listeners" } });
    expect(told[0]?.note).toContain("api.80.tcp, nonsense");
    expect(String(imports.portOf("api", 80, "tcp"))).toBe(at(before, "api.80.tcp"));
  });

  it("of somebody else is not touched", async () => {
    const own = await cluster.namespace();
    const { catalogue } = await open(own);
    await cluster.admin.create(`/api/v1/namespaces/${own}/configmaps`, {
      ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "fairlead-listeners" }, data: { a: "b" } },
    });
    const before = JSON.stringify(await found(mapPath(own)));
    catalogue.welcome([service("api")]);
    await eventually("the Warning", async () => (await events(own, "ListenerPortsTaken")).length === 1);
    expect(JSON.stringify(await found(mapPath(own)))).toBe(before);
    expect(await found(servicesPath(own, "api"))).toBeNull();
  });

  it("says the same to every connector, of which one writes", async () => {
    const own = await cluster.namespace();
    const [first, second] = [await open(own, { podName: "one" }), await open(own, { podName: "two" })];
    for (const { catalogue } of [first, second]) catalogue.welcome([service("api"), service("web")]);
    const ports = ({ imports }: typeof first) =>
      ["api", "web"].map((name) => imports.portOf(name, 80, "tcp"));
    await eventually("the ports", () => !ports(first).includes(null) && !ports(second).includes(null));
    expect(ports(first)).toEqual(ports(second));
    await made(own, "api");
    expect([first, second].filter(({ cluster: { leadership } }) => leadership.isLeader)).toHaveLength(1);
  });
});

describe("The connectors in a slice", () => {
  it("are those that are ready and stay", async () => {
    const [own, other] = [await cluster.namespace(), await cluster.namespace()];
    await makePod(own, "connector-1", "10.244.0.10");
    const { catalogue, imports } = await open(own, { namespaces: [other] });
    catalogue.welcome([service("api")]);
    const become = (...addresses: string[]) =>
      eventually(`the addresses ${addresses.join()}`, async () => {
        const slice = await found(slicesPath(other, "api-fairlead-ipv4"));
        return slice !== null && addressesOf(slice).join() === addresses.join();
      });
    await become("10.244.0.10", "10.244.0.9");
    await setReady(own, "connector-1", false, "10.244.0.10");
    await become("10.244.0.9");
    await setReady(own, "connector-1", true, "10.244.0.10");
    await become("10.244.0.10", "10.244.0.9");
    await imports.drain();
    await become("10.244.0.10");
    await cluster.admin.delete(`/api/v1/namespaces/${own}/pods/connector-1`, { gracePeriodSeconds: 0 });
    await become();
  });

  it("are this one alone where it is in no pod", async () => {
    const own = await cluster.namespace();
    const { catalogue } = await open(own, { pod: { name: "host", address: "192.0.2.7", inCluster: false } });
    catalogue.welcome([service("api")]);
    expect(at(await made(own, "api"), "spec", "selector")).toBeUndefined();
    expect(addressesOf(await madeSlice(own, "api-fairlead-ipv4"))).toEqual(["192.0.2.7"]);
  });
});

describe.skipIf(IS_REAL)("An API server that fails", () => {
  const SERVER_FAULT = 500;

  it("loses no Service and gets what it missed", async () => {
    const own = await cluster.namespace();
    const { catalogue } = await open(own);
    catalogue.welcome([service("api"), service("old")]);
    const before = await made(own, "api");
    await made(own, "old");
    const { faults } = cluster.server;
    faults.freeze();
    catalogue.change({ put: [service("web")], gone: ["old"] });
    faults.thaw();
    await made(own, "web");
    await gone(own, "old");
    const refusal = () => new StatusError(SERVER_FAULT, "InternalError", "The test refuses this.");
    faults.refusals.add(refusal);
    catalogue.change({ put: [service("late")], gone: [] });
    faults.refusals.delete(refusal);
    await made(own, "late");
    expect(at(await made(own, "api"), "metadata", "uid")).toBe(at(before, "metadata", "uid"));
  });

  it("and refuses to make a Service is asked again, and the right that is missing is named", async () => {
    const own = await cluster.namespace();
    const { faults } = cluster.server;
    const refusal: Refusal = ({ verb, target }) =>
      target?.namespace === own && target.resource === "services" && verb === "create"
        ? new StatusError(403, "Forbidden", "services is forbidden")
        : undefined;
    faults.refusals.add(refusal);
    const { catalogue } = await open(own);
    catalogue.welcome([service("api")]);
    const told = await eventually("an Event", async () => {
      const all = await events(own, "MissingRight");
      return all.length > 0 && all;
    });
    expect(told[0]?.note).toContain(`create services in the namespace ${own}`);
    faults.refusals.delete(refusal);
    await made(own, "api");
  });

  it("to show one namespace does not keep the Services of another from being made", async () => {
    const [own, other] = [await cluster.namespace(), await cluster.namespace()];
    const { faults } = cluster.server;
    const refusal: Refusal = ({ verb, target }) =>
      target?.namespace === other && target.resource === "services" && verb === "list"
        ? new StatusError(403, "Forbidden", "services is forbidden")
        : undefined;
    faults.refusals.add(refusal);
    const { catalogue, cluster: opened } = await open(own, { namespaces: [own, other] });
    catalogue.welcome([service("api")]);
    await made(own, "api");
    expect(opened.state.refused.map(({ verb, namespace }) => [verb, namespace])).toEqual([["list", other]]);
    expect(await found(servicesPath(other, "api"))).toBeNull();
    faults.refusals.delete(refusal);
  });
});
