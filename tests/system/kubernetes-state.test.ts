/** Connectors that share the state of their site in a Secret: joining, dying, and what people and servers do to it. */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ACCOUNT_DIRECTORY_VARIABLE } from "../../connector/kubernetes/api/location.ts";
import { listTokens } from "../../connector/operator/edge-api.ts";
import { SHARED_FILES } from "../../connector/runtime/shared-files.ts";
import { connectorArgs } from "../support/connector/connector.ts";
import { type JsonObject, objectsIn, textIn } from "../support/kubernetes/json.ts";
import { StatusError } from "../support/kubernetes/status.ts";
import { IS_REAL, TestCluster } from "../support/kubernetes/test-cluster.ts";
import { ServiceAccount } from "../support/kubernetes/world/service-account.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
let kubernetes: TestCluster;
let network: TestNetwork;
let namespace: string;
/** Where a pod finds its account's token. */
let accountDirectory: string;

beforeAll(async () => {
  kubernetes = await TestCluster.open();
});

beforeEach(async () => {
  namespace = await kubernetes.namespace();
  network = await suite.cluster.network(suite.edge);
  const account = new ServiceAccount(kubernetes, namespace);
  await account.install({ import: "none" });
  accountDirectory = suite.cluster.fresh("account");
  await account.mount(accountDirectory);
});

afterAll(async () => {
  await kubernetes[Symbol.asyncDispose]();
});

interface Pod {
  readonly token?: string;
  readonly kubeconfig?: string;
}

/** Options of a connector with an empty state directory, as a new pod has it, and with the account of an installation. */
function podOptions({ token, kubeconfig }: Pod) {
  const { hostname, port } = new URL(kubernetes.access.url);
  const cluster =
    kubeconfig === undefined
      ? ["--kubernetes"]
      : ["--kubeconfig", kubeconfig, "--kubernetes-namespace", namespace];
  return {
    site: "shop",
    stateDir: suite.cluster.fresh("pod"),
    ...(token === undefined ? {} : { token }),
    args: [...cluster, "--kubernetes-import", "none", "--drain", "0s"],
    env: {
      KUBERNETES_SERVICE_HOST: hostname.replace(/^\[|\]$/g, ""),
      KUBERNETES_SERVICE_PORT: port === "" ? "443" : port,
      POD_NAMESPACE: namespace,
      [ACCOUNT_DIRECTORY_VARIABLE]: accountDirectory,
    },
  };
}

/** Starts a pod and waits until its uplink is up. */
const pod = (options: Pod = {}) => suite.cluster.connector(podOptions(options));

/** Starts a pod that may not come up. */
function launch(options: Pod): ManagedProcess {
  const { stateDir, env, ...rest } = podOptions(options);
  return suite.cluster.run("pod", connectorArgs(rest, stateDir), env);
}

const secretPath = () => `/api/v1/namespaces/${namespace}/secrets/fairlead-state`;

/** The files in the Secret; none without it. */
async function files(): Promise<Record<string, string>> {
  const { status, body } = await kubernetes.admin.get(secretPath());
  if (status !== 200) return {};
  const data = Object.entries((body.data ?? {}) as JsonObject);
  return Object.fromEntries(
    data.map(([name, value]) => [name, Buffer.from(textIn(value), "base64").toString()]),
  );
}

/** Waits until the Secret has what the connector has in its directory. Returns the files. */
const stored = ({ stateDir }: Connector) =>
  eventually("the state in the Secret", async () => {
    const there = await files();
    for (const name of SHARED_FILES) {
      const here = await readFile(join(stateDir, name), "utf8").catch(() => undefined);
      expect(there[name]).toBe(here);
    }
    return there;
  });

/** Changes entries of the Secret as a person does. */
async function edit(entries: Readonly<Record<string, string>>): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(entries).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
  );
  const { status, text } = await kubernetes.admin.patch(secretPath(), { data });
  if (status !== 200) throw new Error(text);
}

/** The Events of a reason. */
async function events(reason: string): Promise<JsonObject[]> {
  const { body } = await kubernetes.admin.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
  return objectsIn(body.items).filter((event) => event.reason === reason);
}

const event = (reason: string) =>
  eventually(`an Event of the reason ${reason}`, async () => (await events(reason))[0] ?? null);

const siteId = async (connector: Connector) => (await connector.status()).site.id;

const used = async (): Promise<number> => (await listTokens(suite.edge.client, network.id))[0]?.used ?? 0;

const offers = async (connector: Connector) =>
  (await connector.control.services()).offers.map(({ name }) => name);

describe("Replicas of a connector", () => {
  it("are one site when they start at once with a token of one use, and list no Secrets", async () => {
    const asked = new Set<string>();
    if (!IS_REAL) {
      kubernetes.server.faults.refusals.add(({ verb, target }, userAgent) => {
        if (target?.resource === "secrets" && userAgent === "fairlead") asked.add(verb);
        return undefined;
      });
    }
    const token = await network.token({ uses: 1 });
    const pods = await Promise.all([pod({ token }), pod({ token })]);
    expect(new Set(await Promise.all(pods.map(siteId))).size).toBe(1);
    expect(await used()).toBe(1);
    expect((await network.status()).sites).toHaveLength(1);
    const { body } = await kubernetes.admin.get(secretPath());
    expect(body).toMatchObject({
      type: "Opaque",
      metadata: {
        labels: { "app.kubernetes.io/managed-by": "fairlead", "fairlead.dev/site-id": await siteId(pods[0]) },
      },
    });
    if (IS_REAL) return;
    expect(asked).not.toContain("list");
    kubernetes.server.faults.refusals.clear();
  });

  it("are the same site in another pod, without a token, and share what was exposed at one of them", async () => {
    const first = await pod({ token: await network.token() });
    const id = await siteId(first);
    const second = await pod();
    expect(await siteId(second)).toBe(id);
    await first.fairlead("expose", "db=127.0.0.1:5432");
    await eventually("the other replica offers it", async () => (await offers(second)).includes("db"));
    expect(await event("ServiceManagement")).toMatchObject({
      note: "Service db exposed.",
      regarding: { kind: "Deployment", name: "fairlead-connector" },
    });
    await first.kill9();
    const third = await pod();
    expect(await siteId(third)).toBe(id);
    expect(await offers(third)).toEqual(["db"]);
    await third.fairlead("unexpose", "db");
    await eventually("the other replica withdraws it", async () => (await offers(second)).length === 0);
  });

  it("join with the same key after one died before its token was redeemed", async () => {
    const token = await network.token({ uses: 1 });
    await suite.edge.stop();
    const dying = launch({ token });
    const key = await eventually("the key in the Secret", async () => (await files())["key.pem"] ?? null);
    await dying.kill9();
    expect(Object.keys(await files())).toEqual(["key.pem"]);
    await suite.edge.restart();
    await pod({ token });
    expect((await files())["key.pem"]).toBe(key);
    expect(await used()).toBe(1);
  });

  it("go on with their state when the Secret is edited into nonsense, and overwrite nothing", async () => {
    const connector = await pod({ token: await network.token() });
    const before = await stored(connector);
    await edit({ "key.pem": "nonsense" });
    const told = await event("StateRefused");
    expect(told).toMatchObject({ type: "Warning", regarding: { kind: "Secret", name: "fairlead-state" } });
    expect(textIn(told.note)).toContain("key.pem of the Secret");
    await connector.fairlead("expose", "db=127.0.0.1:5432");
    expect(await files()).toEqual({ ...before, "key.pem": "nonsense" });
    const late = launch({});
    await late.output("the reason", ({ stdout }) => (stdout.includes("is not a private key") ? true : null));
    await edit({ "key.pem": before["key.pem"] ?? "" });
    await eventually("the change is stored", async () => (await files())["offers.json"]?.includes("db"));
    await late.output("uplink up", ({ stdout }) => (/"to":"up"/.test(stdout) ? true : null));
  });

  it("write the Secret again when it is deleted", async () => {
    const connector = await pod({ token: await network.token() });
    const before = await stored(connector);
    await kubernetes.admin.delete(secretPath());
    await eventually("the Secret is back", async () => {
      expect(await files()).toEqual(before);
      return true;
    });
    expect(await siteId(await pod())).toBe(await siteId(connector));
  });

  it("wait for another token when theirs has expired", async () => {
    const mounted = `${suite.cluster.fresh("mounted")}.yaml`;
    await copyFile(await network.token({ expirySeconds: 1 }), mounted);
    await eventually("the token expires", async () => {
      const [first] = await listTokens(suite.edge.client, network.id);
      return first?.state === "expired";
    });
    const waiting = launch({ token: mounted });
    const told = await event("TokenRefused");
    expect(told).toMatchObject({ type: "Warning", regarding: { kind: "Secret", name: "fairlead-token" } });
    await copyFile(await network.token(), mounted);
    await waiting.output("uplink up", ({ stdout }) => (/"to":"up"/.test(stdout) ? true : null));
  });
});

/** These tests order faults, which a real server does not take. */
describe.skipIf(IS_REAL)("Replicas with an API server that fails", () => {
  it("join with the same key after one died before it stored what it had redeemed", async () => {
    const { refusals } = kubernetes.server.faults;
    refusals.add(({ verb, target }) =>
      target?.resource === "secrets" && verb === "update"
        ? new StatusError(503, "ServiceUnavailable", "not now")
        : undefined,
    );
    const token = await network.token({ uses: 1 });
    const dying = await pod({ token });
    const id = await siteId(dying);
    await dying.kill9();
    expect(Object.keys(await files())).toEqual(["key.pem"]);
    refusals.clear();
    expect(await siteId(await pod({ token }))).toBe(id);
    expect(await used()).toBe(1);
    await eventually("the membership in the Secret", async () => (await files())["site.json"]);
  });

  it("wait at the start, and go on later, while the server is frozen", async () => {
    const { faults } = kubernetes.server;
    faults.freeze();
    const token = await network.token();
    const waiting = launch({ token });
    await waiting.output("the reason", ({ stdout }) =>
      stdout.includes("cannot start without its state") ? true : null,
    );
    faults.thaw();
    await waiting.output("uplink up", ({ stdout }) => (/"to":"up"/.test(stdout) ? true : null));
    const connector = await pod({ token });
    faults.freeze();
    expect((await connector.fairlead("expose", "db=127.0.0.1:5432")).status).toBe(0);
    faults.thaw();
    await eventually("the change in the Secret", async () => (await files())["offers.json"]?.includes("db"));
  });

  it("name the right that they lack", async () => {
    const rules = [{ apiGroups: [""], resources: ["secrets"], verbs: ["create"] }];
    const account = await kubernetes.account(namespace, "narrow", rules);
    const kubeconfig = `${suite.cluster.fresh("kubeconfig")}.yaml`;
    await writeFile(kubeconfig, kubernetes.server.kubeconfig(account));
    const waiting = launch({ token: await network.token(), kubeconfig });
    await waiting.output("the right", ({ stdout }) =>
      stdout.includes(`may not get secrets in the namespace ${namespace}`) ? true : null,
    );
  });
});
