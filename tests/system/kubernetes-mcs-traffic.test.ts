/** Services that clusters export to each other, with connectors, traffic and names of the clusterset. */
import { beforeAll, describe, expect, it } from "vitest";
import { derivedServiceName } from "../../connector/kubernetes/mcs/import-objects.ts";
import { eventually } from "../support/clock/eventually.ts";
import { ask } from "../support/dns/client.ts";
import { recordTexts } from "../support/dns/messages.ts";
import { freePort } from "../support/free-port.ts";
import { at, type JsonObject, objectsIn, textIn, textsIn } from "../support/kubernetes/json.ts";
import { MCS_DEFINITIONS } from "../support/kubernetes/mcs-definitions.ts";
import { IS_REAL } from "../support/kubernetes/test-cluster.ts";
import type { ConnectorPod } from "../support/kubernetes/world/connector-pod.ts";
import type { KubernetesSite } from "../support/kubernetes/world/kubernetes-site.ts";
import { useKubernetesWorld } from "../support/kubernetes/world/kubernetes-world.ts";

const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const NAMESPACE = "shop";
const PORT = 8080;
const ports = [{ name: "http", containerPort: PORT }];

/** Two sites in one cluster cannot each import into the same namespace. */
describe.skipIf(IS_REAL)("A Service of another cluster", () => {
  const suite = useKubernetesWorld();
  let east: KubernetesSite;
  let west: KubernetesSite;
  let offering: ConnectorPod;
  /** Port of the DNS server in the west. */
  let dns: number;

  beforeAll(async () => {
    [east, west] = [await suite.world.site("east"), await suite.world.site("west")];
    for (const { admin } of [east, west]) {
      for (const definition of MCS_DEFINITIONS) await admin.create(DEFINITIONS, definition);
    }
    for (const site of [east, west]) await site.makeNamespace(NAMESPACE);
    dns = await freePort();
    offering = await east.startReplica({ watch: "all" });
    await west.startReplica({ watch: "all", args: ["--dns", `127.0.0.1:${dns}`] });
  });

  const path = (resource: string, name: string) => {
    const group = resource === "services" ? "/api/v1" : "/apis/multicluster.x-k8s.io/v1beta1";
    return `${group}/namespaces/${NAMESPACE}/${resource}/${name}`;
  };

  async function exportService(name: string, spec: JsonObject = {}): Promise<void> {
    const selector = { app: name };
    await east.service(
      name,
      { selector, ports: [{ name: "http", port: 80, targetPort: "http" }], ...spec },
      {},
      NAMESPACE,
    );
    const { status, text } = await east.admin.create(path("serviceexports", ""), {
      apiVersion: "multicluster.x-k8s.io/v1beta1",
      kind: "ServiceExport",
      metadata: { name },
    });
    expect(status, text).toBe(201);
  }

  const importOf = async (site: KubernetesSite, name: string): Promise<JsonObject | null> => {
    const { status, body } = await site.admin.get(path("serviceimports", name));
    return status === 200 ? body : null;
  };

  const addressOf = (site: KubernetesSite, name: string) =>
    eventually(`an address of ${name} in ${site.name}`, async () => {
      const [address] = textsIn(at(await importOf(site, name), "spec", "ips"));
      return address;
    });

  const answers = async (name: string, type?: string) =>
    recordTexts((await ask({ port: dns }, `${name}.${NAMESPACE}.svc.clusterset.local`, type)).answers);

  it("is reached at its clusterset IP, in the other cluster and in its own, and keeps it over a restart", async () => {
    await exportService("api");
    const pod = await east.pod({ namespace: NAMESPACE, labels: { app: "api" }, ports });
    const address = await addressOf(west, "api");
    const there = await west.proxy(derivedServiceName("api"), NAMESPACE);
    await there.endpointsToBe(80, 1);
    await eventually("traffic between the clusters", async () => (await there.exchange(80, "far")) === "far");
    const here = await east.proxy(derivedServiceName("api"), NAMESPACE);
    await eventually("the own pod", () => {
      const [place, ...more] = here.endpoints(80);
      return place?.host === pod.address && place.port === PORT && more.length === 0;
    });
    expect(await here.exchange(80, "near")).toBe("near");
    const record = `api.${NAMESPACE}.svc.clusterset.local 5 A ${address}`;
    await eventually("the name", async () => (await answers("api"))[0] === record);

    const uid = at(await importOf(west, "api"), "metadata", "uid");
    const next = await east.startReplica({ watch: "all" });
    await eventually("the replica to be ready", () => next.ready);
    await east.endReplica(offering);
    await eventually("traffic after a restart", async () => (await there.exchange(80, "again")) === "again");
    expect(at(await importOf(west, "api"), "metadata", "uid")).toBe(uid);
    expect(await addressOf(west, "api")).toBe(address);

    await east.admin.delete(path("serviceexports", "api"));
    for (const site of [east, west]) {
      await eventually("no import", async () => (await importOf(site, "api")) === null);
    }
    await eventually("no name", async () => (await answers("api")).length === 0);
  });

  it("has a name and an address for each pod if it is headless", async () => {
    await exportService("db", { clusterIP: "None" });
    const pods = ["db-0", "db-1"].map((hostname) =>
      east.pod({
        namespace: NAMESPACE,
        labels: { app: "db" },
        ports,
        ...{ hostname, subdomain: "db", name: hostname },
        handle: (socket) => socket.end(hostname),
      }),
    );
    await Promise.all(pods);
    for (const host of ["db-0", "db-1"]) {
      const [record = ""] = await eventually(`the name of ${host}`, async () => {
        const found = await answers(`${host}.east.db`);
        return found.length > 0 && found;
      });
      const address = record.split(" ").at(-1);
      const { body } = await west.admin.get(path("services", ""));
      const service = objectsIn(body.items).find(({ spec }) => at(spec, "clusterIP") === address);
      const proxy = await west.proxy(textIn(at(service?.metadata, "name")), NAMESPACE);
      await proxy.endpointsToBe(80, 1);
      await eventually("traffic to the pod", async () => (await proxy.exchange(80, "who?")) === host);
    }
    await eventually("both pods by the service's name", async () => (await answers("db")).length === 2);
  });
});
