/** Annotated objects of a cluster, used by a site elsewhere: connectors as processes, and traffic to pods. */
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { KINDS, objectPath } from "../../connector/kubernetes/api/kinds.ts";
import { MEMORY_FILE } from "../../connector/kubernetes/exports/memory.ts";
import { eventually } from "../support/clock/eventually.ts";
import { Connector } from "../support/connector/connector.ts";
import { at, type JsonObject, objectsIn } from "../support/kubernetes/json.ts";
import { IS_REAL } from "../support/kubernetes/test-cluster.ts";
import type { ConnectorPod } from "../support/kubernetes/world/connector-pod.ts";
import type { KubernetesSite } from "../support/kubernetes/world/kubernetes-site.ts";
import { useKubernetesWorld } from "../support/kubernetes/world/kubernetes-world.ts";
import { exchange } from "../support/traffic/servers.ts";

const suite = useKubernetesWorld();
const PORT = 8080;
const ports = [{ name: "http", containerPort: PORT }];
const annotations = { "fairlead.dev/expose": "true" };

let east: KubernetesSite;
let replica: ConnectorPod;
let west: Connector;

beforeAll(async () => {
  const { world } = suite;
  east = await world.site("east");
  replica = await east.startReplica();
  west = await Connector.start(world.processes, {
    ...{ site: "west", token: await world.network.token() },
    expose: ["clash:81=127.0.0.1:9"],
    bind: "127.77.0.0/16",
  });
});

/** Says its name and closes. */
const says = (name: string) => (socket: Socket) => void socket.end(name);

const specOf = (app: string, more: JsonObject = {}): JsonObject => ({
  ...{ selector: { app }, ports: [{ port: PORT, targetPort: "http" }] },
  ...more,
});

/** What a service says at site west. */
const ask = async (service: string): Promise<string> =>
  (await exchange(await west.listener(service), "")).toString();

/** Waits until a service says something of another kind. */
const answers = (service: string, expected: string) =>
  eventually(`${service} to answer ${expected}`, async () => (await ask(service)) === expected);

const annotate = (name: string, values: JsonObject) =>
  east.admin.patch(objectPath(KINDS.services, east.namespace, name), { metadata: { annotations: values } });

/** Waits for a Warning on a Service. */
const warningOn = (name: string): Promise<JsonObject> =>
  eventually(`a Warning on ${name}`, async () => {
    const { body } = await east.admin.get(`/apis/events.k8s.io/v1/namespaces/${east.namespace}/events`);
    return objectsIn(body.items).find(
      ({ type, regarding }) => type === "Warning" && at(regarding, "name") === name,
    );
  });

describe("An annotated Service", () => {
  it("is reached from another site from the annotation on, wherever its pods are, and until it ends", async () => {
    const first = await east.pod({ labels: { app: "web" }, ports, handle: says("first") });
    await east.service("web", specOf("web"));
    await annotate("web", annotations);
    await answers("web", "first");
    await east.pod({ labels: { app: "web" }, ports, handle: says("second") });
    await first.end();
    await answers("web", "second");
    await annotate("web", { "fairlead.dev/expose": null });
    await west.without("web");
  });

  it("that is headless is reached as a whole, and pod by pod", async () => {
    const pod = (name: string) => east.pod({ name, labels: { app: "db" }, ports, handle: says(name) });
    await pod("db-0");
    const second = await pod("db-1");
    await east.service("db", specOf("db", { clusterIP: "None" }), { annotations });
    await answers("db-0", "db-0");
    await answers("db-1", "db-1");
    expect(["db-0", "db-1"]).toContain(await ask("db"));
    await second.end();
    await west.without("db-1");
    await answers("db", "db-0");
  });

  it("that the network refuses is told so", async () => {
    const named = { ...annotations, "fairlead.dev/address": "clash" };
    await east.service("other", specOf("other"), { annotations: named });
    expect(await warningOn("other")).toMatchObject({
      reason: "OfferRefused",
      note: expect.stringMatching(/^clash is not offered\..*fairlead\.dev\/port/),
    });
  });
});

describe.skipIf(IS_REAL)("While the API server is away", () => {
  afterEach(() => east.cluster.server.faults.thaw());

  it("a Service stays reachable, also through a connector that crashed and starts again", async () => {
    await east.pod({ labels: { app: "api" }, ports, handle: says("api") });
    await east.service("api", specOf("api"), { annotations });
    await answers("api", "api");
    const memory = join(replica.connector.stateDir, MEMORY_FILE);
    await eventually("the export to be stored", async () =>
      (await readFile(memory, "utf8")).includes('"api"'),
    );
    east.cluster.server.faults.freeze();
    expect(await ask("api")).toBe("api");
    await replica.connector.kill9();
    await replica.connector.restart();
    await answers("api", "api");
    east.cluster.server.faults.thaw();
    await annotate("api", { "fairlead.dev/expose": "false" });
    await west.without("api");
  });
});
