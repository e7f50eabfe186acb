/** Annotated objects against an API server: what is offered, what stays offered, and what their owners are told. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseExpose } from "../../connector/config/service-options.ts";
import type { OpenCluster } from "../../connector/kubernetes/cluster/open-cluster.ts";
import { Exports } from "../../connector/kubernetes/exports/exports.ts";
import { ExportMemory } from "../../connector/kubernetes/exports/memory.ts";
import { silent } from "../../connector/log.ts";
import type { StateDirectory } from "../../connector/state/directory.ts";
import { Offers } from "../../connector/targets/offers.ts";
import { eventually } from "../support/clock/eventually.ts";
import { at, type JsonObject, objectsIn } from "../support/kubernetes/json.ts";
import { openTestCluster } from "../support/kubernetes/open-test-cluster.ts";
import { IS_REAL, TestCluster } from "../support/kubernetes/test-cluster.ts";
import { temporaryState } from "../support/process/directories.ts";

const ON = { "fairlead.dev/expose": "true" };

let cluster: TestCluster;
let namespace: string;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  cluster = await TestCluster.open();
});

beforeEach(async () => {
  namespace = await cluster.namespace();
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

interface Given {
  readonly watched?: readonly string[];
  readonly skupper?: boolean;
  /** Values of `--expose`. */
  readonly configured?: readonly string[];
  readonly state?: StateDirectory;
}

/** The half of a connector that reads the cluster and offers. */
async function open({ watched = [namespace], skupper = false, configured = [], ...given }: Given = {}) {
  const state = given.state ?? (await temporaryState());
  const opened: OpenCluster = await openTestCluster({
    ...{ kubeconfig: cluster.kubeconfig, namespace, watched, imports: [] },
  });
  const offers = await Offers.load(state, configured.map(parseExpose));
  const exports = new Exports({
    ...{ cluster: opened, skupper, memory: new ExportMemory(state, silent) },
    offers: { set: (exposures) => offers.setManaged(exposures), refusals: () => offers.leftOut },
  });
  opened.start();
  await exports.start();
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await exports.close();
    await opened.close();
  };
  closing.push(close);
  return { offers, close };
}

/** What is offered, as `name port/protocol host:port,…` lines. */
const offered = (offers: Offers): string[] =>
  offers.list().map(({ name, ports }) => {
    const list = ports.map(({ servicePort, protocol, targets }) =>
      [`${servicePort}/${protocol}`, ...targets.map(({ host, port }) => `${host}:${port}`).sort()].join(" "),
    );
    return [name, ...list].join(" ");
  });

const becomes = (offers: Offers, expected: readonly string[]) =>
  eventually(`the offers ${expected.join("; ")}`, () => offered(offers).join() === expected.join());

async function create(path: string, object: JsonObject): Promise<JsonObject> {
  const { status, text, body } = await cluster.admin.create(path, object);
  if (status !== 201) throw new Error(text);
  return body;
}

const core = (resource: string, name = "", of = namespace) =>
  `/api/v1/namespaces/${of}/${resource}${name === "" ? "" : `/${name}`}`;
const apps = (resource: string, name = "") =>
  `/apis/apps/v1/namespaces/${namespace}/${resource}${name === "" ? "" : `/${name}`}`;

const makeService = (name: string, annotations: JsonObject, spec: JsonObject = {}, of = namespace) =>
  create(core("services", "", of), {
    ...{ apiVersion: "v1", kind: "Service", metadata: { name, annotations } },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
  });

/** A pod of an application, as a kubelet tells of it. */
async function makePod(name: string, app: string, address: string, isReady = true): Promise<void> {
  const container = { name: "main", image: "app:test", ports: [{ name: "web", containerPort: 8080 }] };
  await create(core("pods"), {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name, labels: { app } } },
    spec: { containers: [container] },
  });
  await setReady(name, address, isReady);
}

async function setReady(name: string, address: string, isReady: boolean): Promise<void> {
  const conditions = [{ type: "Ready", status: isReady ? "True" : "False" }];
  const status = { phase: "Running", podIP: address, podIPs: [{ ip: address }], conditions };
  const { status: code } = await cluster.admin.patch(`${core("pods", name)}/status`, { status });
  expect(code).toBe(200);
}

const annotate = (path: string, annotations: JsonObject) =>
  cluster.admin.patch(path, { metadata: { annotations } });

const makeDeployment = (name: string, annotations: JsonObject) =>
  create(apps("deployments"), {
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name, annotations } },
    spec: {
      // Nobody makes pods but the test, also in a real cluster.
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "main", image: "app:test", ports: [{ containerPort: 8080 }] }] },
      },
    },
  });

async function eventsOn(kind: string, name: string, of = namespace): Promise<JsonObject[]> {
  const { body } = await cluster.admin.get(`/apis/events.k8s.io/v1/namespaces/${of}/events`);
  return objectsIn(body.items).filter(
    (event) =>
      event.reportingController === "fairlead.dev/connector" &&
      at(event.regarding, "kind") === kind &&
      at(event.regarding, "name") === name,
  );
}

/** Waits for a Warning on an object, and returns all of them. */
const warningsOn = (kind: string, name: string, of = namespace): Promise<JsonObject[]> =>
  eventually(`a Warning on the ${kind} ${name}`, async () => {
    const warnings = (await eventsOn(kind, name, of)).filter(({ type }) => type === "Warning");
    return warnings.length > 0 && warnings;
  });

describe("An annotated Service", () => {
  it("is offered with its ready pods, and follows them", async () => {
    await makePod("web-a", "web", "10.244.1.1");
    await makePod("web-b", "web", "10.244.1.2", false);
    await makeService("web", { ...ON, "fairlead.dev/protocol": "http" });
    const { offers } = await open();
    await becomes(offers, ["web 80/http 10.244.1.1:8080"]);
    await setReady("web-b", "10.244.1.2", true);
    await becomes(offers, ["web 80/http 10.244.1.1:8080 10.244.1.2:8080"]);
    await setReady("web-a", "10.244.1.1", false);
    await setReady("web-b", "10.244.1.2", false);
    await becomes(offers, ["web 80/http"]);
  });

  it("is offered from the annotation on, until the annotation or the Service goes", async () => {
    const { offers } = await open();
    await makeService("web", {});
    await makeService("api", ON);
    await becomes(offers, ["api 80/tcp"]);
    await annotate(core("services", "web"), ON);
    await becomes(offers, ["api 80/tcp", "web 80/tcp"]);
    await annotate(core("services", "web"), { "fairlead.dev/expose": null });
    await cluster.admin.delete(core("services", "api"));
    await becomes(offers, []);
    const notes = await eventually("the Events", async () => {
      const events = await eventsOn("Service", "web");
      return events.length === 2 && events.map(({ type, reason, note }) => [type, reason, note]);
    });
    expect(notes).toEqual(
      expect.arrayContaining([
        ["Normal", "ServiceManagement", "Service web exposed."],
        ["Normal", "ServiceManagement", "Service web is no longer exposed."],
      ]),
    );
  });

  it("without a selector is offered with the slices that somebody wrote", async () => {
    await makeService("db", ON, { selector: null, ports: [{ name: "sql", port: 5432 }] });
    await create(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" },
      metadata: { name: "db-1", labels: { "kubernetes.io/service-name": "db" } },
      ports: [{ name: "sql", port: 15432, protocol: "TCP" }],
      endpoints: [{ addresses: ["10.9.8.7"] }],
    });
    const { offers } = await open();
    await becomes(offers, ["db 5432/tcp 10.9.8.7:15432"]);
  });

  it("that is headless is offered as one service, and one for each ready pod", async () => {
    await makePod("db-0", "db", "10.244.1.1");
    await makePod("db-1", "db", "10.244.1.2");
    await makeService("db", ON, { clusterIP: "None", ports: [{ port: 5432 }] });
    const { offers } = await open();
    const pods = ["db-0 5432/tcp 10.244.1.1:5432", "db-1 5432/tcp 10.244.1.2:5432"];
    await becomes(offers, ["db 5432/tcp 10.244.1.1:5432 10.244.1.2:5432", ...pods]);
    expect(offers.forRegistry().map(({ name, headless }) => [name, headless])).toEqual([
      ["db", { of: "db", host: "db" }],
      ["db-0", { of: "db", host: "db-0" }],
      ["db-1", { of: "db", host: "db-1" }],
    ]);
  });

  it("ends with its namespace, and is offered again from a new one of that name", async () => {
    const { offers } = await open();
    await makeService("web", ON);
    await becomes(offers, ["web 80/tcp"]);
    await cluster.admin.delete(`/api/v1/namespaces/${namespace}`);
    await becomes(offers, []);
    await eventually("the namespace to be made again", async () => {
      const metadata = { name: namespace };
      const made = { apiVersion: "v1", kind: "Namespace", metadata };
      return (await cluster.admin.create("/api/v1/namespaces", made)).status === 201;
    });
    await makeService("web", ON);
    await becomes(offers, ["web 80/tcp"]);
  });

  it("is as its owner made it, to the last byte", async () => {
    const before = await makeService("web", ON);
    const { offers } = await open();
    await becomes(offers, ["web 80/tcp"]);
    expect((await cluster.admin.get(core("services", "web"))).body).toEqual(before);
  });
});

describe("An annotated workload", () => {
  it("is offered with its ready pods", async () => {
    await makeDeployment("api", { ...ON, "fairlead.dev/port": "80:8080" });
    await makePod("api-a", "api", "10.244.1.1");
    const { offers } = await open();
    await becomes(offers, ["api 80/tcp 10.244.1.1:8080"]);
    await makePod("api-b", "api", "10.244.1.2");
    await becomes(offers, ["api 80/tcp 10.244.1.1:8080 10.244.1.2:8080"]);
    await annotate(apps("deployments", "api"), { "fairlead.dev/expose": "false" });
    await becomes(offers, []);
  });
});

describe("Objects with one name", () => {
  it("are offered by age, over all namespaces, and after the connector's own services", async () => {
    const other = await cluster.namespace();
    const named = (name: string) => ({ ...ON, "fairlead.dev/address": name });
    await makeService("first", named("web"));
    // Creation times have seconds.
    const { creationTimestamp } = (await makeService("probe", {})).metadata as { creationTimestamp: string };
    await eventually("another second", async () => {
      await cluster.admin.delete(core("services", "probe"));
      const probe = await cluster.admin.create(core("services"), {
        ...{
          apiVersion: "v1",
          kind: "Service",
          metadata: { name: "probe" },
          spec: { ports: [{ port: 80 }] },
        },
      });
      return at(probe.body.metadata, "creationTimestamp") !== creationTimestamp;
    });
    await makeService("second", named("web"), { ports: [{ port: 81 }] }, other);
    await makeService("third", named("own"));
    const { offers } = await open({ watched: [namespace, other], configured: ["own=127.0.0.1:9"] });
    await becomes(offers, ["own undefined/tcp 127.0.0.1:9", "web 80/tcp"]);
    const [taken] = await warningsOn("Service", "second", other);
    expect(taken).toMatchObject({
      reason: "AddressInUse",
      note: expect.stringContaining("/first, which is older"),
    });
    const [hidden] = await warningsOn("Service", "third");
    expect(hidden).toMatchObject({ reason: "OfferRefused", note: expect.stringContaining("configuration") });
    await cluster.admin.delete(core("services", "first"));
    await becomes(offers, ["own undefined/tcp 127.0.0.1:9", "web 81/tcp"]);
  });
});

describe("A mistake", () => {
  it.each<readonly [string, JsonObject, JsonObject, string, string]>([
    ["a value", { "fairlead.dev/expose": "yes" }, {}, "InvalidAnnotation", '"true" or "false"'],
    [
      "a protocol",
      { ...ON, "fairlead.dev/protocol": "quic" },
      {},
      "InvalidAnnotation",
      "tcp, http, http2, grpc or udp",
    ],
    ["a port", { ...ON, "fairlead.dev/port": "81" }, {}, "InvalidPort", "has no port 81"],
    ["a name", { ...ON, "fairlead.dev/address": "Web.Shop" }, {}, "InvalidName", "fairlead.dev/address"],
    ["an SCTP port", ON, { ports: [{ port: 7, protocol: "SCTP" }] }, "UnsupportedProtocol", "TCP and UDP"],
    [
      "an external name",
      ON,
      { type: "ExternalName", externalName: "db.example", selector: null },
      "UnsupportedService",
      "EndpointSlice",
    ],
  ])(
    "in %s is one Warning that says what to do, and others are offered",
    async (_, annotations, spec, reason, what) => {
      await makeService("wrong", annotations, spec);
      await makeService("web", ON);
      const { offers } = await open();
      await becomes(offers, ["web 80/tcp"]);
      const warnings = await warningsOn("Service", "wrong");
      expect(warnings).toMatchObject([{ reason, note: expect.stringContaining(what) }]);
    },
  );

  it("is told once, and the object is exposed when it is mended", async () => {
    await makeService("web", { ...ON, "fairlead.dev/port": "99" });
    const { offers } = await open();
    await warningsOn("Service", "web");
    await annotate(core("services", "web"), { other: "change" });
    await annotate(core("services", "web"), { "fairlead.dev/port": "99:80" });
    await becomes(offers, ["web 99/tcp"]);
    const [warning, ...more] = await warningsOn("Service", "web");
    expect([more, warning?.series ?? null]).toEqual([[], null]);
  });
});

describe("Skupper's annotations", () => {
  const theirs = { "skupper.io/proxy": "http", "skupper.io/address": "shop-web" };

  it("count where they are wanted", async () => {
    await makeService("web", theirs);
    const { offers } = await open({ skupper: true });
    await becomes(offers, ["shop-web 80/http"]);
  });

  it("mean nothing otherwise", async () => {
    await makeService("web", theirs);
    await makeService("api", ON);
    const { offers } = await open();
    await becomes(offers, ["api 80/tcp"]);
  });
});

describe.skipIf(IS_REAL)("The offers of a cluster whose API server is away", () => {
  afterEach(() => cluster.server.faults.thaw());

  it("stay as they are, and catch up", async () => {
    await makeService("web", ON);
    const { offers } = await open();
    await becomes(offers, ["web 80/tcp"]);
    cluster.server.faults.freeze();
    const deleted = cluster.admin.delete(core("services", "web"));
    expect(offered(offers)).toEqual(["web 80/tcp"]);
    cluster.server.faults.thaw();
    await deleted;
    await becomes(offers, []);
  });

  it("come back with a connector that starts again, and end once the API server says so", async () => {
    const state = await temporaryState();
    await makePod("web-a", "web", "10.244.1.1");
    await makeService("web", ON);
    const first = await open({ state });
    await becomes(first.offers, ["web 80/tcp 10.244.1.1:8080"]);
    await first.close();
    await cluster.admin.delete(core("services", "web"));
    cluster.server.faults.freeze();
    const second = await open({ state });
    await becomes(second.offers, ["web 80/tcp 10.244.1.1:8080"]);
    cluster.server.faults.thaw();
    await becomes(second.offers, []);
  });
});
