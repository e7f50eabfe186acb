/**
 * Measures connectors in two clusters, of which one exposes many Services and the other uses them, after
 * `npm run build`: `node tests/bench/kubernetes/controller-scale.ts [--services 500] [--pods 5000] [--seconds 60]`.
 * Edge, connectors and both API servers are processes of this machine; the API servers are those of the tests.
 */
import { parseArgs } from "node:util";
import { collectionPath, KINDS, objectPath } from "../../../connector/kubernetes/api/kinds.ts";
import { eventually } from "../../support/clock/eventually.ts";
import { at, type JsonObject, objectsIn } from "../../support/kubernetes/json.ts";
import type { TestCluster } from "../../support/kubernetes/test-cluster.ts";
import type { ConnectorPod } from "../../support/kubernetes/world/connector-pod.ts";
import type { KubernetesSite } from "../../support/kubernetes/world/kubernetes-site.ts";
import { KubernetesWorld } from "../../support/kubernetes/world/kubernetes-world.ts";
import { PodRecord } from "../../support/kubernetes/world/pod-record.ts";
import { cpuSeconds, residentBytes } from "../processes.ts";

const { values } = parseArgs({
  options: {
    services: { type: "string", default: "500" },
    pods: { type: "string", default: "5000" },
    seconds: { type: "string", default: "60" },
  },
});
const [services, pods, seconds] = [Number(values.services), Number(values.pods), Number(values.seconds)];
/** Requests to an API server at once, while its objects are made. */
const AT_ONCE = 20;
const LONG = { within: 600_000 };
const OWN = encodeURIComponent("app.kubernetes.io/managed-by=fairlead");
const PORT = 8080;

const serviceName = (number: number) => `service-${number}`;

/** Does something for each number below `count`, some at a time. */
async function each(count: number, act: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) await act(next++);
    }),
  );
}

/** Makes the Services and their pods. No server is behind them: no connection is opened. */
async function fill({ admin, namespace, cluster }: KubernetesSite, node: string): Promise<void> {
  await each(pods, async (number) => {
    const record = await PodRecord.create(admin, {
      namespace,
      node,
      name: `pod-${number}`,
      address: `10.${200 + Math.floor(number / 62_500)}.${Math.floor(number / 250) % 250}.${(number % 250) + 1}`,
      labels: { app: serviceName(number % services) },
      ports: [{ name: "http", containerPort: PORT }],
    });
    await record.setReady(true);
  });
  await each(services, async (number) => {
    const name = serviceName(number);
    await admin.create(collectionPath(KINDS.services, namespace), {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, annotations: { "fairlead.dev/expose": "true" } },
      spec: { selector: { app: name }, ports: [{ name: "http", port: PORT, targetPort: "http" }] },
    });
  });
  await eventually(
    "the endpoints of all Services",
    async () => {
      const { body } = await cluster.admin.get(collectionPath(KINDS.endpointSlices, namespace));
      const ready = objectsIn(body.items).flatMap(({ endpoints }) => objectsIn(endpoints));
      return ready.length === pods;
    },
    LONG,
  );
}

/** The Services that a connector made in its namespace. */
async function made({ admin, namespace }: KubernetesSite): Promise<JsonObject[]> {
  const { body } = await admin.get(`${collectionPath(KINDS.services, namespace)}?labelSelector=${OWN}`);
  return objectsIn(body.items);
}

/** Counts requests by verb and resource from now on. Returns what ends that, with the counts. */
function count({ server }: TestCluster): () => Record<string, number> {
  const counts: Record<string, number> = {};
  const look = ({ verb, target }: { verb: string; target: { resource: string } | undefined }) => {
    const key = `${verb} ${target?.resource ?? "other"}`;
    counts[key] = (counts[key] ?? 0) + 1;
    return undefined;
  };
  server.faults.refusals.add(look);
  return () => {
    server.faults.refusals.delete(look);
    return counts;
  };
}

const MB = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;

async function usage(replica: ConnectorPod): Promise<{ readonly rss: number; readonly cpu: number }> {
  const { pid } = replica.connector.process;
  const part = [{ name: "connector", pid }];
  return {
    rss: await residentBytes(pid),
    cpu: (await cpuSeconds(part)).get("connector") ?? 0,
  };
}

await using world = await KubernetesWorld.open();
const west = await world.site("west");
const east = await world.site("east");
const user = await east.startReplica();
await eventually("the lead in the east", async () => user.ready, LONG);
const idle = await usage(user);
console.log(`a connector in an empty cluster: ${MB(idle.rss)}, ${idle.cpu.toFixed(2)} s of CPU to its start`);

const began = Date.now();
await fill(west, "bench");
console.log(
  `${services} Services with ${pods} pods were made in ${((Date.now() - began) / 1000).toFixed(1)} s`,
);

const started = Date.now();
const owner = await west.startReplica();
const uplink = Date.now();
await eventually("all Services in the east", async () => (await made(east)).length === services, LONG);
const done = Date.now();
const [atOwner, atUser] = [await usage(owner), await usage(user)];
console.log(
  `from the start of the connector that exposes them: uplink after ${((uplink - started) / 1000).toFixed(1)} s, all Services in the other cluster after ${((done - started) / 1000).toFixed(1)} s`,
);
console.log(`connector that exposes: ${MB(atOwner.rss)}, ${atOwner.cpu.toFixed(2)} s of CPU`);
console.log(`connector that uses: ${MB(atUser.rss)}, ${(atUser.cpu - idle.cpu).toFixed(2)} s of CPU for it`);

const before = [await usage(owner), await usage(user)];
const counts = [count(west.cluster), count(east.cluster)];
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const asked = counts.map((end) => end());
const after = [await usage(owner), await usage(user)];
for (const [index, name] of ["exposes", "uses"].entries()) {
  const cpu = ((after[index]?.cpu ?? 0) - (before[index]?.cpu ?? 0)) * 1000;
  console.log(
    `idle for ${seconds} s, connector that ${name}: ${cpu.toFixed(0)} ms of CPU, requests: ${JSON.stringify(asked[index])}`,
  );
}

const change = Date.now();
await west.admin.patch(objectPath(KINDS.services, west.namespace, serviceName(0)), {
  metadata: { annotations: { "fairlead.dev/expose": null } },
});
await eventually(
  "one Service less in the east",
  async () => (await made(east)).every(({ metadata }) => at(metadata, "name") !== serviceName(0)),
  { ...LONG, every: 10 },
);
console.log(`an annotation taken away: gone from the other cluster after ${Date.now() - change} ms`);
