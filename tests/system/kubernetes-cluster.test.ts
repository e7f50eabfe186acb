/** The cluster as controllers have it: copies of several namespaces, the election of a writer, Events, missing rights. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { fixedToken } from "../../connector/kubernetes/api/account-token.ts";
import { ApiError } from "../../connector/kubernetes/api/failure.ts";
import { KINDS, type Kind } from "../../connector/kubernetes/api/kinds.ts";
import { ACCOUNT_DIRECTORY_VARIABLE, locateApi } from "../../connector/kubernetes/api/location.ts";
import type { ClusterEvent } from "../../connector/kubernetes/cluster/cluster.ts";
import { metaOf } from "../../connector/kubernetes/cluster/keep.ts";
import type { ClusterOptions, OpenCluster } from "../../connector/kubernetes/cluster/open-cluster.ts";
import { rightOf, rightText } from "../../connector/kubernetes/cluster/refused-rights.ts";
import { type Log, silent } from "../../connector/log.ts";
import { eventually } from "../support/clock/eventually.ts";
import { at, type JsonObject, objectsIn, textIn } from "../support/kubernetes/json.ts";
import { openTestCluster } from "../support/kubernetes/open-test-cluster.ts";
import { IS_REAL, TestCluster } from "../support/kubernetes/test-cluster.ts";
import { type Scope, ServiceAccount } from "../support/kubernetes/world/service-account.ts";

/** An election in which a test that needs the end of a term need not wait for half a minute. */
const QUICK = { leaseSeconds: 3, renewDeadline: 1500, retryPeriod: 150 };
/** The same for processes of which one must keep the lead while the other one comes back. */
const KEPT = { leaseSeconds: 10, renewDeadline: 8000, retryPeriod: 150 };

const EVENTS_RULE = { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] };
const LEASES_RULE = {
  apiGroups: ["coordination.k8s.io"],
  resources: ["leases"],
  verbs: ["get", "create", "update"],
};

let cluster: TestCluster;
let directory: string;
const opened: OpenCluster[] = [];
const processes: ChildProcess[] = [];

beforeAll(async () => {
  cluster = await TestCluster.open();
  directory = await mkdtemp(join(tmpdir(), "fl-"));
});

afterEach(async () => {
  for (const process of processes.splice(0)) process.kill("SIGKILL");
  await Promise.all(opened.splice(0).map((each) => each.close()));
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Opens and starts what a connector has. */
async function open(namespace: string, options: Partial<ClusterOptions> & { podName?: string } = {}) {
  const { kubeconfig } = cluster;
  const made = await openTestCluster({ kubeconfig, namespace, ...options });
  opened.push(made);
  made.start();
  return made;
}

/** The same server, asked with the rights of an account. */
async function locationOf(namespace: string, name: string, rules: JsonObject[]) {
  return await locationWith(await cluster.account(namespace, name, rules));
}

async function locationWith(token: string) {
  const options = { kubeconfig: cluster.kubeconfig, environment: {}, now: () => performance.now() };
  const location = await locateApi(options);
  return { ...location, address: { ...location.address, client: undefined }, tokens: fixedToken(token) };
}

const leads = (of: OpenCluster) => eventually("the lead", () => of.leadership.isLeader);
const rests = (of: OpenCluster) => eventually("the end of the lead", () => !of.leadership.isLeader);

const service = (name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { ports: [{ name: "web", port: 80, targetPort: 8080 }], selector: { app: name } },
});

async function makeService(namespace: string, name: string): Promise<void> {
  const { status } = await cluster.admin.create(`/api/v1/namespaces/${namespace}/services`, service(name));
  expect(status).toBe(201);
}

async function eventsIn(namespace: string): Promise<JsonObject[]> {
  const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
  const { body } = await cluster.admin.get(path);
  return objectsIn(body.items).filter((each) => each.reportingController === "fairlead.dev/connector");
}

describe("A view", () => {
  it("joins the namespaces that are read, and no others", async () => {
    const [own, other, stranger] = [
      await cluster.namespace(),
      await cluster.namespace(),
      await cluster.namespace(),
    ];
    await makeService(other, "before");
    await makeService(stranger, "hidden");
    const { views } = await open(own, { watched: [other], imports: [own] });
    const heard: string[] = [];
    views.services.onChange((keys) => heard.push(...keys));
    await eventually("the first copy", () => views.services.synced);
    await makeService(own, "after");
    await eventually("a new Service", () => views.services.get(own, "after"));
    const names = [...views.services.list()].map(({ meta }) => `${meta.namespace}/${meta.name}`);
    expect(names.sort()).toEqual([`${other}/before`, `${own}/after`].sort());
    expect(heard).toContain(`${own}/after`);
    expect(views.services.get(own, "after")).toMatchObject({
      type: "ClusterIP",
      ports: [{ name: "web", protocol: "TCP", port: 80, targetPort: 8080 }],
      selector: { app: "after" },
    });
  });

  it("has all namespaces where all are watched", async () => {
    const [own, other] = [await cluster.namespace(), await cluster.namespace()];
    const { views } = await open(own, { watched: null });
    await makeService(other, "anywhere");
    await eventually("a Service of another namespace", () => views.services.get(other, "anywhere"));
  });

  it("of one object hears of it alone", async () => {
    const own = await cluster.namespace();
    const { views } = await open(own);
    const view = views.openOne(KINDS.configMaps, "wanted", metaOf);
    await eventually("the first copy", () => view.synced);
    for (const name of ["other", "wanted"]) {
      const path = `/api/v1/namespaces/${own}/configmaps`;
      await cluster.admin.create(path, { apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
    }
    await eventually("the object", () => view.get(own, "wanted"));
    expect([...view.list()].map(({ name }) => name)).toEqual(["wanted"]);
    view.close();
  });

  it("of a kind without a definition stays unsynced and says why", async () => {
    const own = await cluster.namespace();
    const { views } = await open(own);
    const kind = { group: "none.example", version: "v1", plural: "things", kind: "Thing" };
    const heard: (number | null)[] = [];
    const view = views.open(kind, metaOf, (status) => heard.push(status));
    await eventually("a failure", () => heard.includes(404));
    expect(view.synced).toBe(false);
    view.close();
  });
});

describe("A writer", () => {
  it("creates, replaces and deletes exactly the object that was read", async () => {
    const own = await cluster.namespace();
    const { writer, leadership } = await open(own);
    await eventually("the lead", () => leadership.isLeader);
    const metadata = { name: "made", labels: { step: "1" } };
    const made = await writer.create(KINDS.configMaps, own, { metadata, data: { a: "1" } });
    await expect(writer.create(KINDS.configMaps, own, { metadata })).rejects.toMatchObject({
      failure: { status: 409, reason: "AlreadyExists" },
    });
    const before = metaOf(made);
    const { resourceVersion } = before;
    await writer.update(KINDS.configMaps, own, {
      metadata: { ...metadata, resourceVersion },
      data: { a: "2" },
    });
    await expect(writer.delete(KINDS.configMaps, before)).rejects.toMatchObject({
      failure: { status: 409, reason: "Conflict" },
    });
    const now = await writer.get(KINDS.configMaps, own, "made");
    await writer.delete(KINDS.configMaps, metaOf(now ?? {}));
    expect(await writer.get(KINDS.configMaps, own, "made")).toBeNull();
  });

  it("refuses to write while another connector leads", async () => {
    const own = await cluster.namespace();
    await leads(await open(own, { podName: "first" }));
    const second = await open(own, { podName: "second" });
    const refused = second.writer.create(KINDS.configMaps, own, { metadata: { name: "never" } });
    await expect(refused).rejects.toMatchObject({ failure: { status: null } });
    expect(await second.writer.get(KINDS.configMaps, own, "never")).toBeNull();
  });

  it("names each right that it lacks in its state and in an Event", async () => {
    const own = await cluster.namespace();
    const location = await locationOf(own, "reader", [LEASES_RULE, EVENTS_RULE]);
    const only = await open(own, { location });
    await leads(only);
    const { writer } = only;
    const { services, endpointSlices, configMaps, serviceImports, serviceExports } = KINDS;
    const object = { metadata: { name: "web", resourceVersion: "1" } };
    const target = { namespace: own, name: "web", uid: "1", resourceVersion: "1" };
    const create = (kind: Kind) => ["create", kind, "", () => writer.create(kind, own, object)] as const;
    const update = (kind: Kind) => ["update", kind, "", () => writer.update(kind, own, object)] as const;
    const remove = (kind: Kind) => ["delete", kind, "", () => writer.delete(kind, target)] as const;
    const status = (kind: Kind) =>
      ["update", kind, "/status", () => writer.updateStatus(kind, own, object)] as const;
    const writes = [
      ...[services, endpointSlices, serviceImports].flatMap((kind) => [
        create(kind),
        update(kind),
        remove(kind),
      ]),
      ...[create(configMaps), update(configMaps), status(serviceImports), status(serviceExports)],
    ];
    for (const [verb, kind, subresource, write] of writes) {
      await expect(write()).rejects.toMatchObject({ failure: { status: 403 } });
      expect(only.state.refused).toContainEqual(rightOf(verb, kind, own, subresource));
    }
    await eventually("an Event for each right", async () => {
      const notes = (await eventsIn(own)).map(({ note }) => textIn(note));
      return writes.every(([verb, kind, subresource]) =>
        notes.some((note) => note.includes(rightText(rightOf(verb, kind, own, subresource)))),
      );
    });
  });

  it.skipIf(IS_REAL)("ends a write that is not answered before the term ends", async () => {
    const own = await cluster.namespace();
    const only = await open(own, { electionTimes: QUICK });
    await leads(only);
    cluster.server.faults.freeze();
    const late = only.writer.create(KINDS.configMaps, own, { metadata: { name: "late" } });
    await expect(late).rejects.toBeInstanceOf(ApiError);
    expect(only.leadership.isLeader).toBe(false);
    cluster.server.faults.thaw();
    await leads(only);
  });
});

/** Starts an elector in a process of its own, which writes whenever it may. */
function elector(namespace: string, podName: string) {
  const script = join(import.meta.dirname, "../support/kubernetes/elector.ts");
  const child = spawn(
    process.execPath,
    [script, cluster.kubeconfig, namespace, podName, JSON.stringify(KEPT)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  processes.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  return {
    child,
    lines,
    says: (line: string) => eventually(`${podName} ${line}`, () => lines.at(-1) === line),
  };
}

/** The newest version among the objects that a writer made. */
async function lastWriteOf(namespace: string, writer: string): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/configmaps?labelSelector=writer%3D${writer}`;
  const { body } = await cluster.admin.get(path);
  return Math.max(
    0,
    ...objectsIn(body.items).map((item) => Number(textIn(at(item, "metadata", "resourceVersion")))),
  );
}

describe("An election", () => {
  it("passes at once from a connector that stops to another one", async () => {
    const own = await cluster.namespace();
    const first = await open(own, { podName: "first" });
    await leads(first);
    const second = await open(own, { podName: "second" });
    await first.release();
    await leads(second);
    const lease = await second.writer.get(KINDS.leases, own, "fairlead-connector");
    expect(lease).toMatchObject({ spec: { holderIdentity: expect.stringMatching(/^second_/) } });
  });

  it("passes from a process that is frozen, which writes nothing when it comes back", async () => {
    const own = await cluster.namespace();
    const first = elector(own, "first");
    await first.says("leads");
    await eventually("a write of the first", async () => (await lastWriteOf(own, "first")) > 0);
    const second = elector(own, "second");
    first.child.kill("SIGSTOP");
    await second.says("leads");
    await eventually("a write of the second", async () => (await lastWriteOf(own, "second")) > 0);
    const before = await lastWriteOf(own, "first");
    first.child.kill("SIGCONT");
    await first.says("rests");
    const writes = await lastWriteOf(own, "second");
    await eventually("another write of the second", async () => (await lastWriteOf(own, "second")) > writes);
    expect(await lastWriteOf(own, "first")).toBe(before);
    // And back, when the second is killed.
    second.child.kill("SIGKILL");
    await first.says("leads");
  });

  it("outlives that its Lease is deleted, and never has two leaders", async () => {
    const own = await cluster.namespace();
    const both = [await open(own, { podName: "first" }), await open(own, { podName: "second" })];
    const leaders = () => both.filter(({ leadership }) => leadership.isLeader).length;
    const path = `/apis/coordination.k8s.io/v1/namespaces/${own}/leases/fairlead-connector`;
    await eventually("a leader", () => leaders() === 1);
    await cluster.admin.delete(path);
    await eventually("a new Lease", async () => {
      expect(leaders()).toBeLessThan(2);
      return (await cluster.admin.get(path)).status === 200;
    });
    await eventually("a leader", () => leaders() === 1);
  });

  it("leaves a Lease alone that is not one of Fairlead's", async () => {
    const own = await cluster.namespace();
    const path = `/apis/coordination.k8s.io/v1/namespaces/${own}/leases`;
    const { body } = await cluster.admin.create(path, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "fairlead-connector" },
      spec: { holderIdentity: "somebody" },
    });
    const warnings: string[] = [];
    const log: Log = { ...silent, warn: (_, message) => warnings.push(message), child: () => log };
    await open(own, { log });
    await eventually("a warning", () => warnings.some((text) => text.startsWith("The Lease is not one of")));
    expect((await cluster.admin.get(`${path}/fairlead-connector`)).body).toEqual(body);
  });

  it("passes on when the leader's right is removed, which an Event names", async () => {
    const own = await cluster.namespace();
    const location = await locationOf(own, "first", [LEASES_RULE, EVENTS_RULE]);
    const first = await open(own, { podName: "first", location, electionTimes: QUICK });
    await leads(first);
    const role = `/apis/rbac.authorization.k8s.io/v1/namespaces/${own}/roles/first`;
    await cluster.admin.patch(role, { rules: [{ ...LEASES_RULE, verbs: ["get"] }, EVENTS_RULE] });
    const second = await open(own, { podName: "second" });
    await leads(second);
    await rests(first);
    const missing = { verb: "update", resource: "leases.coordination.k8s.io", namespace: own };
    expect(first.state.refused).toContainEqual(missing);
    await eventually("an Event that names the right", async () =>
      (await eventsIn(own)).some(
        ({ reason, type, note }) =>
          reason === "MissingRight" &&
          type === "Warning" &&
          textIn(note).startsWith(
            `The connector's account may not update leases.coordination.k8s.io in the namespace ${own}.`,
          ),
      ),
    );
    await cluster.admin.patch(role, { rules: [LEASES_RULE, EVENTS_RULE] });
    await second.release();
    await leads(first);
    expect(first.state.refused).not.toContainEqual(missing);
  });
});

const event = (namespace: string, note: string): ClusterEvent => ({
  about: { kind: KINDS.services, namespace, name: "web" },
  type: "Warning",
  reason: "NameTaken",
  action: "CreateService",
  note,
});

describe("A recorder", () => {
  it("makes one Event with a series of equal ones, also after a restart", async () => {
    const own = await cluster.namespace();
    const count = async () => {
      const found = await eventsIn(own);
      expect(found.length).toBeLessThan(2);
      return at(found[0], "series", "count");
    };
    const first = await open(own);
    first.events.record(event(own, "The name is taken."));
    await eventually("an Event", async () => (await eventsIn(own)).length === 1);
    expect(await count()).toBeUndefined();
    first.events.record(event(own, "The name is taken."));
    await eventually("a series", async () => (await count()) === 2);
    await first.close();
    const second = await open(own, { podName: "second" });
    second.events.record(event(own, "The name is taken."));
    await eventually("a longer series", async () => (await count()) === 3);
    second.events.record(event(own, "Another name is taken."));
    await eventually("another Event", async () => (await eventsIn(own)).length === 2);
  });

  it("limits the Events about one object, and not those about others", async () => {
    const own = await cluster.namespace();
    const { events } = await open(own);
    for (let index = 0; index < 40; index++) events.record(event(own, `The name ${index} is taken.`));
    const about = { ...event(own, "").about, name: "other" };
    events.record({ ...event(own, "The name is taken."), about });
    const named = async (name: string) =>
      (await eventsIn(own)).filter((each) => at(each, "regarding", "name") === name).length;
    await eventually("the Event about another object", async () => (await named("other")) === 1);
    expect(await named("web")).toBe(25);
  });

  it("cuts a note that is too long, and has names that any object's name leaves room for", async () => {
    const own = await cluster.namespace();
    const { events } = await open(own);
    const about = { kind: KINDS.configMaps, namespace: own, name: "a".repeat(253) };
    events.record({ ...event(own, `${"é".repeat(600)}.`), about });
    await eventually("an Event", async () => (await eventsIn(own)).length === 1);
  });

  it("records nothing when Events are off", async () => {
    const own = await cluster.namespace();
    const off = await open(own, { recordsEvents: false });
    off.events.record(event(own, "Never."));
    const on = await open(own);
    on.events.record(event(own, "The name is taken."));
    await eventually("an Event", async () => (await eventsIn(own)).length === 1);
  });
});

describe("The rights of an installation", () => {
  it.each([
    ["in its own namespace", () => ({})],
    ["that exports from another namespace", (other) => ({ watch: [other] })],
    ["that makes Services in another namespace", (other) => ({ import: [other] })],
    ["that makes no Services", () => ({ import: "none" })],
    ["in all namespaces", () => ({ watch: "all" })],
  ] satisfies [string, (other: string) => Scope][])(
    "%s let a connector lead, read all that it needs, and record Events",
    async (_, scopeWith) => {
      const own = await cluster.namespace();
      const scope: Scope = scopeWith(await cluster.namespace());
      const account = new ServiceAccount(cluster, own);
      try {
        await account.install(scope);
        const pod = await open(own, {
          location: await locationWith(await account.token()),
          watched: scope.watch === "all" ? null : (scope.watch ?? [own]),
          imports: scope.import === "none" ? [] : (scope.import ?? [own]),
        });
        const { views, events } = pod;
        const all = [views.services, views.endpointSlices, ...views.workloads, views.connectors];
        await eventually("all copies", () => all.every(({ synced }) => synced));
        await leads(pod);
        events.record(event(own, "The name is taken."));
        await eventually("an Event", async () => (await eventsIn(own)).length === 1);
        expect(pod.state.refused).toEqual([]);
      } finally {
        await account.remove();
      }
    },
  );
});

describe.skipIf(IS_REAL)("The token of a pod", () => {
  it("is read again before its ten minutes are over, and the cluster stays reachable", async () => {
    const own = await cluster.namespace();
    const rules = [
      LEASES_RULE,
      { apiGroups: [""], resources: ["services"], verbs: ["get", "list", "watch"] },
    ];
    const account = join(directory, own);
    await mkdir(account);
    await writeFile(join(account, "token"), await cluster.account(own, "connector", rules));
    await writeFile(join(account, "ca.crt"), cluster.server.ca);
    await writeFile(join(account, "namespace"), own);
    const environment = {
      KUBERNETES_SERVICE_HOST: "localhost",
      KUBERNETES_SERVICE_PORT: String(cluster.server.port),
      [ACCOUNT_DIRECTORY_VARIABLE]: account,
    };
    const location = await locateApi({ environment, now: () => performance.now() });
    expect(location.namespace).toBe(own);
    const pod = await open(own, { location });
    await leads(pod);
    cluster.server.authenticator.clockOffset = 601_000;
    try {
      cluster.server.handler.endWatches();
      await eventually("a refusal", () => pod.state.api.isUp === false);
      const { token } = await cluster.server.tokenOf(own, "connector", 600);
      await writeFile(join(account, "token"), token);
      await leads(pod);
      await makeService(own, "after");
      await eventually("a Service", () => pod.views.services.get(own, "after"));
      await eventually("the API server to be up", () => pod.state.api.isUp);
    } finally {
      cluster.server.authenticator.clockOffset = 0;
    }
  });
});
