/** The services of a cluster at other sites: from an annotated object over a real connector and a real edge. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VisibleService } from "../../protocol/uplink/messages.ts";
import { closeSockets, RawSite, type RawUplink } from "../support/connector/raw-site.ts";
import { TestCluster } from "../support/kubernetes/test-cluster.ts";
import { type Connector, eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
let kubernetes: TestCluster;
let namespace: string;
let east: Connector;
let watcher: RawUplink;

beforeAll(async () => {
  kubernetes = await TestCluster.open();
  namespace = await kubernetes.namespace();
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const site = await RawSite.join(suite.edge, token, "watcher");
  watcher = await site.open();
  watcher.send(site.hello({ features: ["ports", "exports"] }));
  await watcher.next("welcome");
  east = await suite.cluster.connector({
    ...{ site: "east", token, bind: "127.93.1.0/24" },
    args: ["--kubeconfig", kubernetes.kubeconfig, "--kubernetes-namespace", namespace],
  });
});
afterAll(async () => {
  closeSockets();
  await kubernetes[Symbol.asyncDispose]();
});

const endpointSlices = () => `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;

/** Makes an annotated Service without a selector, and the slice with its addresses. */
async function makeService(name: string, ...addresses: string[]): Promise<void> {
  const made = [
    await kubernetes.admin.create(`/api/v1/namespaces/${namespace}/services`, {
      ...{ apiVersion: "v1", kind: "Service" },
      metadata: { name, annotations: { "fairlead.dev/expose": "true" } },
      spec: { ports: [{ port: 80, targetPort: 8080 }] },
    }),
    await kubernetes.admin.create(endpointSlices(), {
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" },
      metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
      ports: [{ name: "", protocol: "TCP", port: 8080 }],
      endpoints: addresses.map((address) => ({ addresses: [address] })),
    }),
  ];
  for (const { status, text } of made) expect(status, text).toBe(201);
}

const setAddresses = async (name: string, ...addresses: string[]): Promise<void> => {
  const endpoints = addresses.map((address) => ({ addresses: [address] }));
  const { status, text } = await kubernetes.admin.patch(`${endpointSlices()}/${name}-1`, { endpoints });
  expect(status, text).toBe(200);
};

/** The next state of a service that differs, as the registry tells it. Fails if the service is gone in between. */
async function next(name: string, is: (service: VisibleService) => boolean): Promise<VisibleService> {
  for (;;) {
    const { put, gone } = await watcher.next("services");
    expect(gone).not.toContain(name);
    const service = put.find((each) => each.name === name);
    if (service !== undefined && is(service)) return service;
  }
}

/** A service is offered as soon as its object is read, and is up once the slice with its addresses is. */
const isUp = ({ offers }: VisibleService): boolean => offers[0]?.down === undefined;

const targetsAt = async (name: string): Promise<string[]> => {
  const { offers } = await east.control.services();
  const ports = offers.find((offer) => offer.name === name)?.ports ?? [];
  return ports.flatMap(({ targets }) => targets.map(({ host, port }) => `${host}:${port}`)).sort();
};

describe("A service of a cluster", () => {
  it("is offered to other sites, and shown at its own with the object that it is for", async () => {
    await makeService("shop", "10.9.0.1", "10.9.0.2");
    const { port, offers } = await next("shop", isUp);
    expect(port).toBe(80);
    expect(offers).toMatchObject([{ siteName: "east" }]);
    expect(await targetsAt("shop")).toEqual(["10.9.0.1:8080", "10.9.0.2:8080"]);
    const { stdout } = await east.fairlead("service", "status");
    expect(stdout).toContain(`Service ${namespace}/shop`);
    const removed = await east.fairlead("unexpose", "shop");
    expect(removed.status).not.toBe(0);
    expect(removed.stderr).toContain(`Service ${namespace}/shop`);
  });

  it("stays offered while it has no pod, with its port down, and is up with the first one", async () => {
    await makeService("cart", "10.9.0.3");
    await next("cart", isUp);
    await setAddresses("cart");
    expect((await next("cart", ({ offers }) => offers[0]?.down !== undefined)).offers[0]?.down).toEqual([80]);
    await setAddresses("cart", "10.9.0.4");
    await next("cart", isUp);
    expect(await targetsAt("cart")).toEqual(["10.9.0.4:8080"]);
  });

  it("says nothing to other sites when its pods change", async () => {
    await makeService("busy", "10.9.0.5");
    await next("busy", isUp);
    for (const address of ["10.9.0.6", "10.9.0.7", "10.9.0.8"]) {
      await setAddresses("busy", address);
      await eventually(`the target ${address}`, async () =>
        (await targetsAt("busy")).includes(`${address}:8080`),
      );
    }
    await makeService("last", "10.9.0.9");
    const { put } = await watcher.next("services");
    expect(put.map(({ name }) => name)).toEqual(["last"]);
  });

  it("is never gone while its connector is killed and starts again", async () => {
    await makeService("kept", "10.9.0.10");
    const before = await next("kept", isUp);
    await east.kill9();
    await east.restart();
    const after = await next("kept", ({ offers }) => offers[0]?.boot !== before.offers[0]?.boot);
    expect(after.offers).toHaveLength(1);
  });

  it("is down, and never gone, between a connector that stops and the next one", async () => {
    await makeService("moved", "10.9.0.11");
    await next("moved", isUp);
    await east.stop();
    const left = await next("moved", ({ offers }) => offers[0]?.down !== undefined);
    expect(left.offers[0]?.down).toEqual([80]);
    await east.restart();
    await next("moved", ({ offers }) => offers[0]?.down === undefined);
  });
});
