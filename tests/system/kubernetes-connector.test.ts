/** A connector that works in a cluster: its start, its status and its metrics, whatever its API server does. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import * as z from "zod";
import { eventually } from "../support/clock/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { at, objectsIn, textIn } from "../support/kubernetes/json.ts";
import { IS_REAL, TestCluster } from "../support/kubernetes/test-cluster.ts";
import type { Connector } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { echo, exchange, serve } from "../support/traffic/servers.ts";

/** All that the connector of these tests may do: nothing about EndpointSlices. */
const RULES = [
  {
    apiGroups: [""],
    resources: ["services", "pods", "configmaps"],
    verbs: ["get", "list", "watch", "create", "update"],
  },
  {
    apiGroups: ["apps"],
    resources: ["deployments", "statefulsets", "daemonsets"],
    verbs: ["get", "list", "watch"],
  },
  { apiGroups: [""], resources: ["secrets"], verbs: ["get", "watch", "create", "update"] },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "create", "update"] },
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
];

const Kubeconfig = z.looseObject({
  users: z.array(z.looseObject({ user: z.record(z.string(), z.unknown()) })),
});

const suite = useEdge();
let cluster: TestCluster;
let namespace: string;
let west: Connector;
let east: Connector;
let metrics: string;

beforeAll(async () => {
  cluster = await TestCluster.open();
  namespace = await cluster.namespace();
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

/** A kubeconfig of an account with few rights. */
async function kubeconfigOf(token: string): Promise<string> {
  const config = Kubeconfig.parse(parse(await readFile(cluster.kubeconfig, "utf8")));
  const users = config.users.map((each) => ({ ...each, user: { token } }));
  const path = join(suite.cluster.directory, "few-rights.yaml");
  await writeFile(path, stringify({ ...config, users }));
  return path;
}

const shown = async () => (await west.control.status()).kubernetes;

describe.skipIf(IS_REAL)("A connector in a cluster", () => {
  it("starts again and serves while the API server is away, and works in the cluster once it is there", async () => {
    const kubeconfig = await kubeconfigOf(await cluster.account(namespace, "connector", RULES));
    metrics = `127.0.0.1:${await freePort()}`;
    const network = await suite.cluster.network(suite.edge);
    const token = await network.token({ uses: 2 });
    const target = await serve(echo);
    const args = [
      "--kubeconfig",
      kubeconfig,
      "--kubernetes-namespace",
      namespace,
      "--metrics",
      metrics,
      "--drain",
      "0s",
    ];
    [west, east] = await Promise.all([
      suite.cluster.connector({ site: "west", token, args, expose: [`bytes:9090=${target.at}`] }),
      suite.cluster.connector({ site: "east", token, bind: "127.97.2.2" }),
    ]);
    // A first start needs the API server, which has the site's key. Later ones have it in their directory too.
    await west.stop();
    await cluster.server.goAway();
    try {
      await west.restart();
      const bytes = await east.listener("bytes");
      expect(await exchange(bytes, Buffer.from("hello"))).toEqual(Buffer.from("hello"));
      await eventually("the outage in the status", async () => (await shown())?.api.state === "down");
      expect((await shown())?.api.message).toMatch(/^The Kubernetes API server does not answer \(.+\)\.$/);
    } finally {
      await cluster.server.comeBack();
    }
    await eventually("the lead", async () => (await shown())?.leads);
    expect((await shown())?.api).toMatchObject({ state: "up", since: expect.any(String) });
  });

  it("names a right that it lacks in its status, its metrics, its log and an Event", async () => {
    const right = { verb: "list", resource: "endpointslices.discovery.k8s.io", namespace };
    const isShown = ({ resource }: { readonly resource: string }) => resource === right.resource;
    await eventually("the right", async () => (await shown())?.missingRights.some(isShown));
    expect((await shown())?.missingRights.filter(isShown)).toEqual([right]);
    await west.logged({ code: "kubernetes.forbidden", ...right });
    const { stdout } = await west.fairlead("status");
    expect(stdout).toMatch(new RegExp(`missing rights .*list ${right.resource} in ${namespace}`));
    expect(stdout).toMatch(/API server +up, since/);
    const scraped = await (await fetch(`http://${metrics}/metrics`)).text();
    expect(scraped).toContain("fairlead_kubernetes_api_up 1\n");
    expect(scraped).toContain("fairlead_kubernetes_leader 1\n");
    expect(scraped).toMatch(/^fairlead_kubernetes_missing_rights [1-9]\d*$/m);
    expect((await fetch(`http://${metrics}/readyz`)).status).toBe(200);
    await eventually("an Event", async () => {
      const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
      const { body } = await cluster.admin.get(path);
      return objectsIn(body.items).some(
        ({ reason, regarding, note }) =>
          reason === "MissingRight" &&
          at(regarding, "name") === "fairlead-connector" &&
          textIn(note).startsWith(
            `The connector's account may not list endpointslices.discovery.k8s.io in the namespace ${namespace}.`,
          ),
      );
    });
  });

  it("lets another connector of the site lead when it stops", async () => {
    await west.stop();
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/fairlead-connector`;
    const { body } = await cluster.admin.get(path);
    expect(body.spec).toMatchObject({ holderIdentity: "", leaseDurationSeconds: 1 });
  });

  it.each([
    [["--kubernetes"], "kubernetes.not_in_cluster"],
    [["--kubeconfig", "/nowhere/kubeconfig"], "file.unreadable"],
    [["--kubernetes", "--kubeconfig", "a.yaml"], "request.invalid"],
    [["--kubernetes-watch", "all"], "request.invalid"],
  ])("is not started with %s and no such cluster", async (options, code) => {
    const { stderr, status } = await suite.cluster.fairlead([
      ...["connector", "run", "--state", west.stateDir, "--json"],
      ...options,
    ]);
    expect(status).not.toBe(0);
    expect(stderr).toContain(`"code":"${code}"`);
  });
});
