/** The world of the Kubernetes system tests, with what stands in for a kubelet and for kube-proxy. */
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import { IS_REAL } from "../support/kubernetes/test-cluster.ts";
import type { KubernetesSite } from "../support/kubernetes/world/kubernetes-site.ts";
import { useKubernetesWorld } from "../support/kubernetes/world/kubernetes-world.ts";
import { ServiceLoad } from "../support/kubernetes/world/service-load.ts";

const suite = useKubernetesWorld();
const PORT = 8080;
const labels = { app: "shop" };
const ports = [{ name: "http", containerPort: PORT }];
const spec = { selector: labels, ports: [{ name: "http", port: 80, targetPort: "http" }] };
let east: KubernetesSite;

beforeAll(async () => {
  east = await suite.world.site("east");
});

describe("The world of a cluster", () => {
  it("leads a connection to a ready pod of the Service, also while the API server is frozen", async () => {
    await east.service("shop", spec);
    const shop = await east.proxy("shop");
    await expect(shop.connect(80)).rejects.toThrow(/has no endpoint/);
    const first = await east.pod({ labels, ports });
    const second = await east.pod({ labels, ports, ready: false });
    expect(await shop.endpointsToBe(80, 1)).toEqual([{ host: first.address, port: PORT }]);
    if (!IS_REAL) east.cluster.server.faults.freeze();
    expect(await shop.exchange(80, "hello")).toBe("hello");
    if (!IS_REAL) east.cluster.server.faults.thaw();
    const load = new ServiceLoad(shop, 80, { perSecond: 100 });
    await second.setReady(true);
    await shop.endpointsToBe(80, 2);
    await eventually("the second pod to be chosen", () => second.connections > 0, { every: 1 });
    await first.setReady(false);
    await shop.endpointsToBe(80, 1);
    await load.further(10);
    expect(await load.stop()).toMatchObject({ failures: [] });
    await second.crash();
    await expect(shop.exchange(80, "hello")).rejects.toThrow(/ECONNREFUSED/);
    await first.end();
    await second.end();
    await shop.endpointsToBe(80, 0);
  });

  it("runs a connector in a pod as its account: it dials pods, listens at its address, and is ready by its probe", async () => {
    const { world } = suite;
    const far = { app: "far" };
    await east.service("far", { ...spec, selector: far }, { annotations: { "fairlead.dev/expose": "true" } });
    await east.pod({ labels: far, ports });
    const offering = await east.startReplica();
    await eventually("the replica to be ready", () => offering.ready);
    const west = await world.site("west", { beside: east });
    const using = await west.startReplica({
      access: "none",
      args: ["--listen", "far=0.0.0.0:20000"],
    });
    await using.connector.listener("far");
    await west.service("from-east", {
      selector: { "app.kubernetes.io/name": "fairlead" },
      ports: [{ port: 80, targetPort: 20000 }],
    });
    const proxy = await west.proxy("from-east");
    await proxy.endpointsToBe(80, 1);
    expect(await proxy.exchange(80, "through the edge")).toBe("through the edge");

    await west.killReplica(using);
    await proxy.endpointsToBe(80, 0);
    await expect(proxy.connect(80)).rejects.toThrow(/has no endpoint/);
    await east.endReplica(offering);
    expect(offering.connector.process.exit).toMatchObject({ status: 0 });
  });
});
