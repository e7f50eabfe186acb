/** Clusters whose API servers are away, whose connectors are, or whose account lacks a right, with clients all the time. */
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { collectionPath, KINDS, objectPath } from "../../connector/kubernetes/api/kinds.ts";
import { eventually } from "../support/clock/eventually.ts";
import type { Connector } from "../support/connector/connector.ts";
import { at, type JsonObject, objectsIn, textIn } from "../support/kubernetes/json.ts";
import { IS_REAL } from "../support/kubernetes/test-cluster.ts";
import type { ConnectorPod } from "../support/kubernetes/world/connector-pod.ts";
import type { KubernetesSite } from "../support/kubernetes/world/kubernetes-site.ts";
import { useKubernetesWorld } from "../support/kubernetes/world/kubernetes-world.ts";
import { ServiceLoad } from "../support/kubernetes/world/service-load.ts";
import { echo, serve } from "../support/traffic/servers.ts";

const suite = useKubernetesWorld();
/** Longer than a Lease, and than any wait of a reflector. */
const OUTAGE = 61_000;
const PORT = 80;
const labels = { app: "shop" };
const OWN = encodeURIComponent("app.kubernetes.io/managed-by=fairlead");

/** Exposes a Service. */
let east: KubernetesSite;
/** Use it, each in its own namespace and in another. */
let west: KubernetesSite;
let north: KubernetesSite;
/** Offers services by commands, in no cluster. */
let south: Connector;
const others = new Map<KubernetesSite, string>();

const scopeOf = (site: KubernetesSite) => ({ import: [site.namespace, others.get(site) ?? ""] });

/** The Services that a connector made in a namespace, by name: each with its uid, its address and its version. */
async function madeIn(site: KubernetesSite, namespace = site.namespace): Promise<Record<string, JsonObject>> {
  const { body } = await site.admin.get(`${collectionPath(KINDS.services, namespace)}?labelSelector=${OWN}`);
  return Object.fromEntries(
    objectsIn(body.items).map(({ metadata, spec }) => [
      textIn(at(metadata, "name")),
      {
        uid: at(metadata, "uid"),
        version: at(metadata, "resourceVersion"),
        address: at(spec, "clusterIP"),
      },
    ]),
  );
}

/** Waits until the connectors of a site have made these Services in both of its namespaces, and no others. */
async function haveMade(site: KubernetesSite, names: readonly string[]): Promise<void> {
  for (const namespace of scopeOf(site).import) {
    await eventually(`the Services ${names.join(", ")} in ${namespace}`, async () => {
      expect(Object.keys(await madeIn(site, namespace)).toSorted()).toEqual(names);
      return true;
    });
  }
}

const statusOf = async ({ connector }: ConnectorPod) => (await connector.control.status()).kubernetes;

const offer = async (name: string) => {
  const target = await serve(echo);
  await south.fairlead("expose", `${name}:${PORT}=${target.at}`);
};

beforeAll(async () => {
  const { world } = suite;
  [east, west, north] = [await world.site("east"), await world.site("west"), await world.site("north")];
  await east.pod({ labels, ports: [{ name: "tcp", containerPort: 8080 }] });
  await east.service(
    "shop",
    { selector: labels, ports: [{ name: "tcp", port: PORT, targetPort: "tcp" }] },
    { annotations: { "fairlead.dev/expose": "true" } },
  );
  for (const site of [west, north]) others.set(site, await site.cluster.namespace());
  await Promise.all([
    east.startReplica(),
    ...[west, north].map((site) => site.startReplica(scopeOf(site))),
    (async () => {
      south = await world.processes.connector({
        site: "south",
        token: await world.network.token(),
        bind: "127.78.0.0/16",
      });
    })(),
  ]);
  for (const site of [west, north]) await haveMade(site, ["shop"]);
});

describe.skipIf(IS_REAL)("An API server that is away, or says nothing, for a minute", () => {
  it("costs no connection, no Service and no address, and what was missed is made after it", async () => {
    const proxies = await Promise.all(
      [west, north].flatMap((site) => scopeOf(site).import.map((each) => site.proxy("shop", each))),
    );
    for (const proxy of proxies) await proxy.endpointsToBe(PORT, 1);
    const before = [await madeIn(west), await madeIn(north)];
    const loads = proxies.map((proxy) => new ServiceLoad(proxy, PORT, { perSecond: 5 }));
    await west.cluster.server.goAway();
    for (const site of [east, north]) site.cluster.server.faults.freeze();
    try {
      await pause(OUTAGE / 2);
      await offer("late");
      await pause(OUTAGE / 2);
    } finally {
      await west.cluster.server.comeBack();
      for (const site of [east, north]) site.cluster.server.faults.thaw();
    }
    for (const site of [west, north]) await haveMade(site, ["late", "shop"]);
    for (const load of loads) await load.further(10);
    const results = await Promise.all(loads.map((load) => load.stop()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    const after = [await madeIn(west), await madeIn(north)];
    expect(after.map(({ shop }) => shop)).toEqual(before.map(({ shop }) => shop));
    for (const site of [east, west, north]) {
      for (const replica of site.replicas) expect(replica.connector.process.exit).toBeNull();
    }
  });
});

describe("What happened in a cluster while no connector ran", () => {
  it("is put right at the start: Services deleted by hand, a namespace made again, a service that ended", async () => {
    const other = others.get(north) ?? "";
    if (IS_REAL) await offer("late");
    await haveMade(north, ["late", "shop"]);
    const [replica] = north.replicas;
    if (replica === undefined) throw new Error("No connector runs.");
    await north.killReplica(replica);
    await north.admin.delete(objectPath(KINDS.services, north.namespace, "shop"));
    await north.deleteNamespace(other);
    await north.makeNamespace(other);
    await south.fairlead("unexpose", "late");
    await offer("new");
    await north.startReplica(scopeOf(north));
    await haveMade(north, ["new", "shop"]);
    const proxy = await north.proxy("shop", other);
    await proxy.endpointsToBe(PORT, 1);
    expect(await proxy.exchange(PORT, "again")).toBe("again");
  });
});

describe.skipIf(IS_REAL)("A right that is taken away", () => {
  const reads = [
    "services",
    "endpointslices",
    "deployments",
    "statefulsets",
    "daemonsets",
    "pods",
    "configmaps",
  ];

  /** Takes a right away, has the connector want it, and waits until it is named. */
  async function expectNamed(verb: string, resource: string, want: () => unknown): Promise<void> {
    const [replica] = west.replicas;
    if (replica === undefined) throw new Error("No connector runs.");
    const named = async () =>
      (await statusOf(replica))?.missingRights.some(
        (right) => right.verb === verb && right.resource.split(".")[0] === resource,
      ) === true;
    const grant = west.refuse({ verb, resource });
    try {
      await eventually(`${verb} ${resource} to be named`, async () => {
        await want();
        return await named();
      });
    } finally {
      grant();
    }
    await eventually(`${verb} ${resource} to be granted`, async () => {
      await want();
      return !(await named());
    });
  }

  it("to watch a kind of object is named, and again granted, and traffic goes on", async () => {
    const proxy = await west.proxy("shop");
    const load = new ServiceLoad(proxy, PORT, { perSecond: 5 });
    await Promise.all(
      reads.map((resource) => expectNamed("watch", resource, () => west.cluster.server.handler.endWatches())),
    );
    await load.further(5);
    expect(await load.stop()).toMatchObject({ failures: [] });
  });

  it("to renew the Lease, or to make, change or delete Services, is named", async () => {
    const path = objectPath(KINDS.services, west.namespace, "shop");
    const edit = (value: string) =>
      west.admin.patch(path, { metadata: { annotations: { "fairlead.dev/service": value } } });
    await expectNamed("update", "leases", () => undefined);
    await expectNamed("update", "services", () => edit("edited"));
    await expectNamed("create", "services", () => west.admin.delete(path));
    await eventually("the Service", async () => (await madeIn(west)).shop !== undefined);
    let count = 0;
    await expectNamed("delete", "services", async () => {
      const name = `ending-${++count}`;
      await offer(name);
      await eventually(name, async () => (await madeIn(west))[name] !== undefined);
      await south.fairlead("unexpose", name);
    });
  });
});
