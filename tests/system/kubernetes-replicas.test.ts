/** Replicas of a site in a cluster, with clients all the time: replaced one by one, killed, and with an API server away. */
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import { at, textIn } from "../support/kubernetes/json.ts";
import { IS_REAL } from "../support/kubernetes/test-cluster.ts";
import type { ConnectorPod } from "../support/kubernetes/world/connector-pod.ts";
import type { KubernetesSite } from "../support/kubernetes/world/kubernetes-site.ts";
import { useKubernetesWorld } from "../support/kubernetes/world/kubernetes-world.ts";
import { ServiceLoad } from "../support/kubernetes/world/service-load.ts";
import type { ServiceProxy } from "../support/kubernetes/world/service-proxy.ts";

const suite = useKubernetesWorld();
const PORT = 80;
const labels = { app: "shop" };

let west: KubernetesSite;
/** The Service in the connectors' namespace, with a selector, and that in another, with slices. */
let proxies: readonly ServiceProxy[];
let scope: { readonly import: readonly string[] };

const ready = (replica: ConnectorPod) => eventually(`${replica.name} to be ready`, () => replica.ready);

/** All Services have this many endpoints. */
const endpoints = (count: number) => Promise.all(proxies.map((proxy) => proxy.endpointsToBe(PORT, count)));

const load = () => proxies.map((proxy) => new ServiceLoad(proxy, PORT, { perSecond: 30 }));

const failuresOf = async (loads: readonly ServiceLoad[]) =>
  (await Promise.all(loads.map((each) => each.stop()))).flatMap(({ failures }) => failures);

/** The replica that writes for its site. */
async function leader(): Promise<ConnectorPod> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${west.namespace}/leases/fairlead-connector`;
  return await eventually("a leader", async () => {
    const holder = textIn(at((await west.admin.get(path)).body, "spec", "holderIdentity"));
    return west.replicas.find(({ name }) => holder.startsWith(`${name}_`));
  });
}

beforeAll(async () => {
  const east = await suite.world.site("east");
  west = await suite.world.site("west");
  const other = await west.cluster.namespace();
  scope = { import: [west.namespace, other] };
  await east.pod({ labels, ports: [{ name: "tcp", containerPort: 8080 }] });
  await east.service(
    "shop",
    { selector: labels, ports: [{ name: "tcp", port: PORT, targetPort: "tcp" }] },
    { annotations: { "fairlead.dev/expose": "true" } },
  );
  await east.startReplica();
  for (const replica of [await west.startReplica(scope), await west.startReplica(scope)])
    await ready(replica);
  proxies = [await west.proxy("shop"), await west.proxy("shop", other)];
  await endpoints(2);
});

describe("Replicas of a connector", () => {
  it("are replaced one by one without the loss of a connection", async () => {
    const loads = load();
    for (const each of loads) await each.further(10);
    await west.roll(scope);
    await endpoints(2);
    for (const each of loads) await each.further(10);
    expect(await failuresOf(loads)).toEqual([]);
  });

  it("go on without the one that leads, as soon as its pod is not ready", async () => {
    await west.killReplica(await leader());
    await endpoints(1);
    const loads = load();
    for (const each of loads) await each.further(20);
    expect(await failuresOf(loads)).toEqual([]);
    await ready(await west.startReplica(scope));
    await endpoints(2);
  });

  it.skipIf(IS_REAL)(
    "take clients while the API server says nothing, and are replaced after it",
    async () => {
      const { faults } = west.cluster.server;
      const loads = load();
      faults.freeze();
      for (const each of loads) await each.further(30);
      faults.thaw();
      await west.endReplica(await leader());
      await endpoints(1);
      for (const each of loads) await each.further(10);
      expect(await failuresOf(loads)).toEqual([]);
    },
  );
});
