/**
 * What a Kubernetes API server does, as connectors meet it. It runs against the tests' own server, and against the real
 * one that KUBECONFIG names, so that both are held to the same.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import { at, type JsonObject, objectsIn, textIn } from "../support/kubernetes/json.ts";
import type { KubeClient, Reply } from "../support/kubernetes/kube-client.ts";
import { MCS_DEFINITIONS } from "../support/kubernetes/mcs-definitions.ts";
import { IS_REAL, TestCluster } from "../support/kubernetes/test-cluster.ts";

let cluster: TestCluster;
let admin: KubeClient;
let ns: string;
/** Paths of the file's namespace. */
let core: string;
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/** Definitions that this file made, and takes away again. */
const definitions: string[] = [];
const group = (name: string, namespace = ns) => `/apis/${name}/namespaces/${namespace}`;

beforeAll(async () => {
  cluster = await TestCluster.open();
  admin = cluster.admin;
  ns = await cluster.namespace();
  core = `/api/v1/namespaces/${ns}`;
  for (const definition of MCS_DEFINITIONS) {
    const made = await admin.create(DEFINITIONS, definition);
    expect([201, 409]).toContain(made.status);
    if (made.status === 201) definitions.push(textIn(metadataOf(made).name));
  }
  await eventually("the resources of the definitions", async () => {
    const { status } = await admin.get(`${group("multicluster.x-k8s.io/v1beta1")}/serviceexports`);
    return status === 200;
  });
});

afterAll(async () => {
  for (const name of definitions) await admin.delete(`${DEFINITIONS}/${name}`);
  await cluster[Symbol.asyncDispose]();
});

let count = 0;
const fresh = (prefix: string) => {
  count += 1;
  return `${prefix}-${count}`;
};

const service = (name: string, spec: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...spec },
});

const lease = (name: string, spec: JsonObject): JsonObject => ({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name },
  spec,
});

const slice = (name: string, address: string, further: JsonObject = {}): JsonObject => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name },
  addressType: "IPv4",
  endpoints: [{ addresses: [address] }],
  ports: [{ port: 80 }],
  ...further,
});

const configMap = (name: string, data: JsonObject = {}, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...metadata },
  data,
});

const serviceExport = (name: string, further: JsonObject = {}): JsonObject => ({
  apiVersion: "multicluster.x-k8s.io/v1beta1",
  kind: "ServiceExport",
  metadata: { name },
  ...further,
});

const event = (name: string, further: JsonObject = {}): JsonObject => ({
  apiVersion: "events.k8s.io/v1",
  kind: "Event",
  metadata: { name },
  eventTime: "2026-11-26T12:00:00.000000Z",
  reportingController: "fairlead.dev/connector",
  reportingInstance: "pod-1",
  action: "Expose",
  reason: "Exposed",
  type: "Normal",
  note: "Service a is exposed.",
  regarding: { apiVersion: "v1", kind: "Service", name: "a", namespace: ns },
  ...further,
});

const causesOf = ({ body }: Reply) =>
  objectsIn(at(body.details, "causes")).map(({ reason, field }) => `${textIn(reason)} ${textIn(field)}`);
const metadataOf = ({ body }: Reply) => body.metadata as JsonObject;

interface Refused {
  readonly code: number;
  readonly reason: string;
  readonly message?: RegExp;
  /** `FieldValueRequired spec.ports[1].name`. */
  readonly causes?: readonly string[];
}

const SERVICES = () => `${core}/services`;
const LEASES = () => `${group("coordination.k8s.io/v1")}/leases`;
const SLICES = () => `${group("discovery.k8s.io/v1")}/endpointslices`;
const MAPS = () => `${core}/configmaps`;
const EXPORTS = () => `${group("multicluster.x-k8s.io/v1beta1")}/serviceexports`;
const EVENTS = () => `${group("events.k8s.io/v1")}/events`;

/** Bodies that are refused, where, and how. */
const REFUSED_CREATIONS: readonly (readonly [string, () => string, () => JsonObject, Refused])[] = [
  [
    "a Service whose second port has no name",
    SERVICES,
    () => service("two", { ports: [{ port: 80, name: "a" }, { port: 81 }] }),
    { code: 422, reason: "Invalid", causes: ["FieldValueRequired spec.ports[1].name"] },
  ],
  [
    "a Service with two ports of one name",
    SERVICES,
    () =>
      service("twice", {
        ports: [
          { port: 80, name: "a" },
          { port: 81, name: "a" },
        ],
      }),
    { code: 422, reason: "Invalid", causes: ["FieldValueDuplicate spec.ports[1].name"] },
  ],
  [
    "a Service without ports",
    SERVICES,
    () => service("none", { ports: [] }),
    { code: 422, reason: "Invalid", causes: ["FieldValueRequired spec.ports"] },
  ],
  [
    "a Service whose name has upper case",
    SERVICES,
    () => service("Upper"),
    { code: 422, reason: "Invalid", causes: ["FieldValueInvalid metadata.name"] },
  ],
  [
    "a Service whose name has a dot",
    SERVICES,
    () => service("a.b"),
    { code: 422, reason: "Invalid", causes: ["FieldValueInvalid metadata.name"] },
  ],
  [
    "a Service whose name has 64 characters",
    SERVICES,
    () => service("a".repeat(64)),
    { code: 422, reason: "Invalid", causes: ["FieldValueInvalid metadata.name"] },
  ],
  [
    "a Service with an unknown protocol",
    SERVICES,
    () => service("proto", { ports: [{ port: 80, protocol: "QUIC" }] }),
    {
      code: 422,
      reason: "Invalid",
      message:
        /spec\.ports\[0\]\.protocol: Unsupported value: "QUIC": supported values: "SCTP", "TCP", "UDP"$/,
    },
  ],
  [
    "a Service with the port 0",
    SERVICES,
    () => service("zero", { ports: [{ port: 0 }] }),
    {
      code: 422,
      reason: "Invalid",
      message: /spec\.ports\[0\]\.port: Invalid value: 0: must be between 1 and 65535, inclusive/,
    },
  ],
  [
    "a Service whose port is text",
    SERVICES,
    () => service("text", { ports: [{ port: "80" }] }),
    {
      code: 400,
      reason: "BadRequest",
      message:
        /^Service in version "v1" cannot be handled as a Service: json: cannot unmarshal string into Go/,
    },
  ],
  [
    "a label with a space",
    SERVICES,
    () => ({ ...service("label"), metadata: { name: "label", labels: { a: "b c" } } }),
    { code: 422, reason: "Invalid", causes: ["FieldValueInvalid metadata.labels"] },
  ],
  [
    "an object without a name",
    MAPS,
    () => configMap(""),
    {
      code: 422,
      reason: "Invalid",
      message: /metadata\.name: Required value: name or generateName is required/,
    },
  ],
  [
    "an object of another namespace",
    MAPS,
    () => configMap("other", {}, { namespace: "elsewhere" }),
    {
      code: 400,
      reason: "BadRequest",
      message: /^the namespace of the provided object does not match the namespace sent on the request$/,
    },
  ],
  ["an object of another kind", MAPS, () => service("kind"), { code: 400, reason: "BadRequest" }],
  [
    "an EndpointSlice with a loopback address",
    SLICES,
    () => slice("loop", "127.0.0.1"),
    {
      code: 422,
      reason: "Invalid",
      message:
        /endpoints\[0\]\.addresses\[0\]: Invalid value: "127\.0\.0\.1": may not be in the loopback range/,
    },
  ],
  [
    "an EndpointSlice with a link-local address",
    SLICES,
    () => slice("link", "169.254.1.1"),
    { code: 422, reason: "Invalid", causes: ["FieldValueInvalid endpoints[0].addresses[0]"] },
  ],
  [
    "an EndpointSlice whose address is of another type",
    SLICES,
    () => slice("six", "2001:db8::1"),
    { code: 422, reason: "Invalid", causes: ["FieldValueInvalid endpoints[0].addresses[0]"] },
  ],
  [
    "an EndpointSlice without a type of addresses",
    SLICES,
    () => slice("none", "10.1.2.3", { addressType: "" }),
    { code: 422, reason: "Invalid", causes: ["FieldValueRequired addressType"] },
  ],
  [
    "a Lease whose time has three digits after the second",
    LEASES,
    () => lease("time", { holderIdentity: "a", renewTime: "2026-11-26T12:00:00.000Z" }),
    { code: 400, reason: "BadRequest", message: /cannot parse/ },
  ],
  [
    "a Lease that lasts 0 seconds",
    LEASES,
    () => lease("zero", { leaseDurationSeconds: 0 }),
    { code: 422, reason: "Invalid", causes: ["FieldValueInvalid spec.leaseDurationSeconds"] },
  ],
  [
    "an Event whose time has three digits after the second",
    EVENTS,
    () => event("time", { eventTime: "2026-11-26T12:00:00.000Z" }),
    { code: 400, reason: "BadRequest", message: /cannot parse/ },
  ],
  [
    "an Event about an object without a namespace",
    EVENTS,
    () => event("other", { regarding: { kind: "Service", name: "a" } }),
    { code: 422, reason: "Invalid", causes: ["FieldValueInvalid involvedObject.namespace"] },
  ],
  [
    "an Event without an action",
    EVENTS,
    () => event("action", { action: "" }),
    { code: 422, reason: "Invalid", causes: ["FieldValueRequired action"] },
  ],
  [
    "a custom object of a wrong type",
    EXPORTS,
    () => serviceExport("type", { spec: { exportedLabels: { a: 1 } } }),
    {
      code: 422,
      reason: "Invalid",
      message: /spec\.exportedLabels\.a in body must be of type string: "integer"|spec\.exportedLabels\.a/,
    },
  ],
  [
    "a namespaced object in a namespace that is not there",
    () => "/api/v1/namespaces/not-there/configmaps",
    () => configMap("a"),
    { code: 404, reason: "NotFound", message: /^namespaces "not-there" not found$/ },
  ],
  [
    "a Deployment whose selector does not match its pods",
    () => `${group("apps/v1")}/deployments`,
    () => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "mismatch" },
      spec: {
        selector: { matchLabels: { app: "a" } },
        template: {
          metadata: { labels: { app: "b" } },
          spec: { containers: [{ name: "a", image: "a:1" }] },
        },
      },
    }),
    { code: 422, reason: "Invalid", causes: ["FieldValueInvalid spec.template.metadata.labels"] },
  ],
  [
    "a Role with a rule without verbs",
    () => `${group("rbac.authorization.k8s.io/v1")}/roles`,
    () => ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "verbs" },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: [] }],
    }),
    { code: 422, reason: "Invalid", causes: ["FieldValueRequired rules[0].verbs"] },
  ],
];

function expectRefused(reply: Reply, { code, reason, message, causes }: Refused): void {
  expect([reply.status, reply.body.reason], reply.text).toEqual([code, reason]);
  expect(reply.body).toMatchObject({ kind: "Status", apiVersion: "v1", status: "Failure", code });
  if (message !== undefined) expect(reply.body.message).toMatch(message);
  if (causes !== undefined) expect(causesOf(reply)).toEqual(causes);
}

describe("A Kubernetes API server refuses", () => {
  it.each(REFUSED_CREATIONS)("%s", async (_title, path, body, refused) => {
    expectRefused(await admin.create(path(), body()), refused);
  });

  it("an unknown field where the client wants validation to be strict", async () => {
    const strict = await admin.create(
      `${SERVICES()}?fieldValidation=Strict`,
      service("s", { sessionAffinty: "None" }),
    );
    expectRefused(strict, {
      code: 400,
      reason: "BadRequest",
      message: /strict decoding error: unknown field "spec\.sessionAffinty"$/,
    });
    const custom = await admin.create(
      `${EXPORTS()}?fieldValidation=Strict`,
      serviceExport("s", { spec: { a: 1 } }),
    );
    expectRefused(custom, { code: 400, reason: "BadRequest", message: /unknown field "spec\.a"/ });
  });

  it("a name that is taken", async () => {
    const name = fresh("taken");
    await admin.create(MAPS(), configMap(name));
    expectRefused(await admin.create(MAPS(), configMap(name)), {
      code: 409,
      reason: "AlreadyExists",
      message: new RegExp(`^configmaps "${name}" already exists$`),
    });
  });

  it("an update of an older version", async () => {
    const name = fresh("old");
    const { body } = await admin.create(MAPS(), configMap(name, { a: "1" }));
    await admin.patch(`${MAPS()}/${name}`, { data: { a: "2" } });
    expectRefused(await admin.replace(`${MAPS()}/${name}`, { ...body, data: { a: "3" } }), {
      code: 409,
      reason: "Conflict",
      message: /the object has been modified; please apply your changes to the latest version and try again$/,
    });
  });

  it("a deletion whose preconditions do not hold", async () => {
    const name = fresh("kept");
    const made = await admin.create(MAPS(), configMap(name));
    const { resourceVersion } = metadataOf(made);
    const uid = await admin.delete(`${MAPS()}/${name}`, {
      preconditions: { uid: "00000000-0000-4000-8000-000000000000" },
    });
    expectRefused(uid, {
      code: 409,
      reason: "Conflict",
      message: /Precondition failed: UID in precondition/,
    });
    await admin.patch(`${MAPS()}/${name}`, { data: { a: "2" } });
    const version = await admin.delete(`${MAPS()}/${name}`, { preconditions: { resourceVersion } });
    expectRefused(version, { code: 409, reason: "Conflict", message: /ResourceVersion in precondition/ });
    expect((await admin.get(`${MAPS()}/${name}`)).status).toBe(200);
  });

  it("another address for a Service that has one", async () => {
    const name = fresh("address");
    await admin.create(SERVICES(), service(name));
    expectRefused(await admin.patch(`${SERVICES()}/${name}`, { spec: { clusterIP: "10.96.200.200" } }), {
      code: 422,
      reason: "Invalid",
      message: /may not change once set/,
    });
  });

  it("another selector for a Deployment", async () => {
    const name = fresh("selector");
    const labels = { app: name };
    await admin.create(`${group("apps/v1")}/deployments`, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "a", image: "a:1" }] } },
      },
    });
    const patch = {
      spec: { selector: { matchLabels: { a: "b" } }, template: { metadata: { labels: { a: "b" } } } },
    };
    expectRefused(await admin.patch(`${group("apps/v1")}/deployments/${name}`, patch), {
      code: 422,
      reason: "Invalid",
      message: /field is immutable/,
    });
  });

  it("media types that it does not speak", async () => {
    const name = fresh("media");
    await admin.create(MAPS(), configMap(name));
    const accepted = await admin.get(`${MAPS()}/${name}`, { accept: "application/xml" });
    expectRefused(accepted, { code: 406, reason: "NotAcceptable" });
    const sent = await admin.create(MAPS(), configMap("x"), { contentType: "text/plain" });
    expectRefused(sent, { code: 415, reason: "UnsupportedMediaType" });
    const patched = await admin.patch(`${MAPS()}/${name}`, { data: {} }, "application/json");
    expectRefused(patched, { code: 415, reason: "UnsupportedMediaType" });
    await admin.create(EXPORTS(), serviceExport(name));
    const strategic = "application/strategic-merge-patch+json";
    const custom = await admin.patch(`${EXPORTS()}/${name}`, { metadata: {} }, strategic);
    expectRefused(custom, { code: 415, reason: "UnsupportedMediaType" });
  });

  it("a merge patch that says that it is a JSON Patch", async () => {
    const name = fresh("patch");
    await admin.create(MAPS(), configMap(name));
    const reply = await admin.patch(`${MAPS()}/${name}`, { data: { a: "1" } }, "application/json-patch+json");
    expectRefused(reply, {
      code: 400,
      reason: "BadRequest",
      message: /cannot unmarshal object into Go value/,
    });
  });

  it("a token that it does not know", async () => {
    expectRefused(await admin.get(MAPS(), { token: "nonsense" }), { code: 401, reason: "Unauthorized" });
  });

  it("an apply without a field manager, and a forced patch that is none", async () => {
    const name = fresh("apply");
    const type = "application/apply-patch+yaml";
    const without = await admin.call("PATCH", `${MAPS()}/${name}`, {
      body: configMap(name),
      contentType: type,
    });
    expectRefused(without, { code: 422, reason: "Invalid", causes: ["FieldValueRequired fieldManager"] });
    const forced = await admin.patch(`${MAPS()}/${name}?force=true`, {});
    expectRefused(forced, { code: 422, reason: "Invalid", causes: ["FieldValueForbidden force"] });
  });

  it("paths and methods that it does not have", async () => {
    expectRefused(await admin.get(`${core}/nothings`), {
      code: 404,
      reason: "NotFound",
      message: /^the server could not find the requested resource$/,
    });
    expect((await admin.get("/apis/nobody.example/v1/things")).status).toBe(404);
    expectRefused(await admin.call("PUT", MAPS(), { body: configMap("a") }), {
      code: 405,
      reason: "MethodNotAllowed",
    });
  });

  it("selectors that it cannot read or does not support", async () => {
    expectRefused(await admin.get(`${MAPS()}?labelSelector=a%3D%3D%3Db`), {
      code: 400,
      reason: "BadRequest",
    });
    expectRefused(await admin.get(`${MAPS()}?fieldSelector=data.a%3Db`), { code: 400, reason: "BadRequest" });
  });
});

describe("A Kubernetes API server lets an account", () => {
  it("do what its roles allow, and names what they do not", async () => {
    const name = fresh("account");
    const rules = [{ apiGroups: [""], resources: ["services"], verbs: ["get", "list"] }];
    const client = admin.as(await cluster.account(ns, name, rules));
    await eventually("the role to be in force", async () => (await client.get(SERVICES())).status === 200);
    const user = `system:serviceaccount:${ns}:${name}`;
    expectRefused(await client.get(`${core}/secrets`), {
      code: 403,
      reason: "Forbidden",
      message: new RegExp(
        `^secrets is forbidden: User "${user}" cannot list resource "secrets" in API group "" in the namespace "${ns}"$`,
      ),
    });
    expectRefused(await client.get("/api/v1/services"), {
      code: 403,
      reason: "Forbidden",
      message: /cannot list resource "services" in API group "" at the cluster scope$/,
    });
    expectRefused(await client.patch(`${SERVICES()}/a/status`, {}), {
      code: 403,
      reason: "Forbidden",
      message: /^services "a" is forbidden: .* cannot patch resource "services\/status" in API group ""/,
    });
    const review = await client.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { namespace: ns, verb: "delete", resource: "services" } },
    });
    expect(at(review.body.status, "allowed")).toBe(false);
  });

  it("grant no right that it does not have", async () => {
    const name = fresh("grantor");
    const rules = [{ apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"], verbs: ["create"] }];
    const client = admin.as(await cluster.account(ns, name, rules));
    const role = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: `${name}-more` },
      rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }],
    };
    const path = `${group("rbac.authorization.k8s.io/v1")}/roles`;
    await eventually("the refusal", async () => {
      const { status, body } = await client.create(path, role);
      return (
        status === 403 &&
        /is attempting to grant RBAC permissions not currently held/.test(textIn(body.message))
      );
    });
  });

  it("have no token shorter than ten minutes, and none after the account is deleted", async () => {
    const name = fresh("token");
    const token = await cluster.account(ns, name, []);
    const request = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 60 },
    };
    const short = await admin.create(`${core}/serviceaccounts/${name}/token`, request);
    expectRefused(short, {
      code: 422,
      reason: "Invalid",
      causes: ["FieldValueInvalid spec.expirationSeconds"],
    });
    const client = admin.as(token);
    expect((await client.get(SERVICES())).status).toBe(403);
    await admin.delete(`${core}/serviceaccounts/${name}`);
    await eventually("the token to end", async () => (await client.get(SERVICES())).status === 401);
  });
});

describe("A Kubernetes API server", () => {
  it("gives a Service an address, defaults, and a version of its own", async () => {
    const made = await admin.create(SERVICES(), service(fresh("given")));
    expect(made.body).toMatchObject({
      spec: {
        type: "ClusterIP",
        clusterIP: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
        ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
        sessionAffinity: "None",
      },
      metadata: { uid: expect.any(String), resourceVersion: expect.stringMatching(/^\d+$/) },
    });
  });

  it("warns of unknown fields, and drops them", async () => {
    const made = await admin.create(SERVICES(), service(fresh("warned"), { nothing: 1 }));
    expect(made.status).toBe(201);
    expect(made.headers.warning).toBe('299 - "unknown field \\"spec.nothing\\""');
    expect(at(made.body.spec, "nothing")).toBeUndefined();
  });

  it("makes names of a prefix", async () => {
    const made = await admin.create(MAPS(), configMap("", {}, { generateName: "made-" }));
    expect(metadataOf(made).name).toMatch(/^made-[a-z0-9]{5}$/);
  });

  it("takes status through its subresource alone", async () => {
    const name = fresh("status");
    const lastTransitionTime = "2026-11-26T12:00:00Z";
    const status = {
      conditions: [{ type: "Valid", status: "True", reason: "Valid", message: "", lastTransitionTime }],
    };
    const { body } = await admin.create(EXPORTS(), serviceExport(name, { status }));
    expect(body.status).toBeUndefined();
    const path = `${EXPORTS()}/${name}`;
    const main = await admin.replace(path, { ...body, status });
    expect([main.status, main.body.status]).toEqual([200, undefined]);
    const sub = await admin.replace(`${path}/status`, {
      ...main.body,
      status,
      spec: { exportedLabels: { a: "b" } },
    });
    expect([sub.status, sub.body.status, sub.body.spec]).toEqual([200, status, main.body.spec]);
    const wrong = { conditions: [{ ...status.conditions[0], status: "Maybe" }] };
    expectRefused(await admin.patch(`${path}/status`, { status: wrong }), {
      code: 422,
      reason: "Invalid",
      causes: ["FieldValueNotSupported status.conditions[0].status"],
    });
    const old = await admin.get(`${group("multicluster.x-k8s.io/v1alpha1")}/serviceexports/${name}`);
    expect(old.body).toMatchObject({ apiVersion: "multicluster.x-k8s.io/v1alpha1", status });
  });

  it("stores nothing in a dry run, and checks everything", async () => {
    const name = fresh("dry");
    const made = await admin.create(`${SERVICES()}?dryRun=All`, service(name));
    expect([made.status, metadataOf(made).name]).toEqual([201, name]);
    expect((await admin.get(`${SERVICES()}/${name}`)).status).toBe(404);
    const refused = await admin.create(`${SERVICES()}?dryRun=All`, service(name, { ports: [] }));
    expectRefused(refused, { code: 422, reason: "Invalid" });
    expectRefused(await admin.create(`${SERVICES()}?dryRun=Some`, service(name)), {
      code: 422,
      reason: "Invalid",
    });
  });

  it("changes nothing in an update that changes nothing", async () => {
    const name = fresh("same");
    const made = await admin.create(MAPS(), configMap(name, { a: "1" }));
    const again = await admin.replace(`${MAPS()}/${name}`, made.body);
    expect(metadataOf(again).resourceVersion).toBe(metadataOf(made).resourceVersion);
  });

  it("keeps an object until its finalizers are gone", async () => {
    const name = fresh("final");
    const path = `${MAPS()}/${name}`;
    await admin.create(MAPS(), configMap(name, {}, { finalizers: ["fairlead.dev/test"] }));
    expect((await admin.delete(path)).status).toBe(200);
    const found = await admin.get(path);
    expect(metadataOf(found).deletionTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const added = await admin.patch(path, {
      metadata: { finalizers: ["fairlead.dev/test", "fairlead.dev/more"] },
    });
    expectRefused(added, { code: 422, reason: "Invalid", message: /no new finalizers can be added/ });
    await admin.patch(path, { metadata: { finalizers: null } });
    expect((await admin.get(path)).status).toBe(404);
  });

  it("collects what an owner in the same namespace leaves, and what names an owner in another", async () => {
    const owner = fresh("owner");
    const made = await admin.create(MAPS(), configMap(owner));
    const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name: owner, uid: metadataOf(made).uid }];
    const own = fresh("owned");
    await admin.create(MAPS(), configMap(own, {}, { ownerReferences }));
    const other = await cluster.namespace();
    const elsewhere = `/api/v1/namespaces/${other}/configmaps`;
    await admin.create(elsewhere, configMap(own, {}, { ownerReferences }));
    await eventually("the object in another namespace to go", async () => {
      return (await admin.get(`${elsewhere}/${own}`)).status === 404;
    });
    expect((await admin.get(`${MAPS()}/${own}`)).status).toBe(200);
    await admin.delete(`${MAPS()}/${owner}`, { propagationPolicy: "Background" });
    await eventually("the owned object to go", async () => {
      return (await admin.get(`${MAPS()}/${own}`)).status === 404;
    });
  });

  it("refuses content in a namespace that terminates, and removes what is in it", async () => {
    const name = await cluster.namespace();
    const maps = `/api/v1/namespaces/${name}/configmaps`;
    await admin.create(maps, configMap("held", {}, { finalizers: ["fairlead.dev/test"] }));
    await admin.delete(`/api/v1/namespaces/${name}`);
    const refused = await admin.create(maps, configMap("late"));
    expectRefused(refused, {
      code: 403,
      reason: "Forbidden",
      message: new RegExp(
        `unable to create new content in namespace ${name} because it is being terminated$`,
      ),
      causes: ["NamespaceTerminating metadata.namespace"],
    });
    await eventually("the deletion of the content", async () => {
      const found = await admin.get(`${maps}/held`);
      return metadataOf(found).deletionTimestamp !== undefined;
    });
    await admin.patch(`${maps}/held`, { metadata: { finalizers: null } });
    await eventually("the namespace to go", async () => {
      return (await admin.get(`/api/v1/namespaces/${name}`)).status === 404;
    });
  });

  it("writes EndpointSlices of the pods that a Service selects, by their readiness", async () => {
    const name = fresh("pods");
    await admin.create(
      SERVICES(),
      service(name, { selector: { app: name }, ports: [{ port: 80, targetPort: "web" }] }),
    );
    await admin.create(`${core}/pods`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels: { app: name } },
      // No scheduler knows this name, so no kubelet writes the status.
      spec: {
        schedulerName: "nobody",
        containers: [{ name: "a", image: "a:1", ports: [{ name: "web", containerPort: 8080 }] }],
      },
    });
    const slices = `${SLICES()}?labelSelector=kubernetes.io/service-name%3D${name}`;
    for (const ready of [false, true]) {
      const status = {
        phase: "Running",
        podIP: "10.20.30.40",
        podIPs: [{ ip: "10.20.30.40" }],
        conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      };
      await admin.patch(`${core}/pods/${name}/status`, { status });
      await eventually(`the slice of a pod whose readiness is ${ready}`, async () => {
        const [found] = objectsIn((await admin.get(slices)).body.items);
        const [endpoint] = objectsIn(found?.endpoints);
        const [port] = objectsIn(found?.ports);
        return at(endpoint, "conditions", "ready") === ready && port?.port === 8080;
      });
    }
  });

  it("serves an Event to both groups", async () => {
    const name = fresh("event");
    expect((await admin.create(EVENTS(), event(name))).status).toBe(201);
    const { body } = await admin.get(`${core}/events/${name}`);
    expect(body).toMatchObject({
      apiVersion: "v1",
      message: "Service a is exposed.",
      involvedObject: { kind: "Service", name: "a" },
      reportingComponent: "fairlead.dev/connector",
    });
    const series = { count: 2, lastObservedTime: "2026-11-26T12:00:01.000000Z" };
    const patched = await admin.patch(`${EVENTS()}/${name}`, { series });
    expect(patched.body).toMatchObject({ series, note: "Service a is exposed." });
    expectRefused(await admin.patch(`${EVENTS()}/${name}`, { note: "Another." }), {
      code: 422,
      reason: "Invalid",
      causes: ["FieldValueInvalid message"],
    });
    const once = { ...series, count: 1 };
    expectRefused(await admin.patch(`${EVENTS()}/${name}`, { series: once }), {
      code: 422,
      reason: "Invalid",
      causes: ["FieldValueInvalid series.count"],
    });
    const selected = await admin.get(`${core}/events?fieldSelector=involvedObject.name%3Da`);
    expect(objectsIn(selected.body.items).length).toBeGreaterThan(0);
  });

  it("refuses an apply where another manager has set a field, unless it is forced", async () => {
    const name = fresh("managed");
    const path = `${MAPS()}/${name}`;
    expect((await admin.apply(path, "one", configMap(name, { a: "1", b: "1" }))).status).toBe(201);
    const conflict = await admin.apply(path, "two", configMap(name, { a: "2" }));
    expectRefused(conflict, {
      code: 409,
      reason: "Conflict",
      message: /^Apply failed with 1 conflict: conflict with "one": \.data\.a$/,
      causes: ["FieldManagerConflict .data.a"],
    });
    const forced = await admin.apply(path, "two", configMap(name, { a: "2" }), true);
    expect(forced.body.data).toEqual({ a: "2", b: "1" });
    const less = await admin.apply(path, "one", configMap(name, {}));
    expect(less.body.data).toEqual({ a: "2" });
  });

  it("merges an apply without force into an object that another made", async () => {
    const name = fresh("users");
    await admin.create(SERVICES(), { ...service(name), metadata: { name, labels: { mine: "yes" } } });
    const applied = await admin.apply(`${SERVICES()}/${name}`, "connector", {
      ...service(name, { ports: [{ name: "more", port: 81 }] }),
      metadata: { name, labels: { theirs: "yes" } },
    });
    // The second port needs the first one's name to be valid: the apply is refused, not kept apart.
    expectRefused(applied, {
      code: 422,
      reason: "Invalid",
      causes: ["FieldValueRequired spec.ports[0].name"],
    });
    const labels = await admin.apply(`${SERVICES()}/${name}`, "connector", {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, labels: { theirs: "yes" } },
    });
    expect(metadataOf(labels).labels).toEqual({ mine: "yes", theirs: "yes" });
  });

  it("merges lists by key in a strategic merge patch", async () => {
    const name = fresh("strategic");
    await admin.create(SERVICES(), service(name, { ports: [{ name: "a", port: 80 }] }));
    const type = "application/strategic-merge-patch+json";
    const patched = await admin.patch(
      `${SERVICES()}/${name}`,
      { spec: { ports: [{ name: "b", port: 81 }] } },
      type,
    );
    expect(
      objectsIn(at(patched.body.spec, "ports"))
        .map((port) => port.name)
        .sort(),
    ).toEqual(["a", "b"]);
    const removed = await admin.patch(
      `${SERVICES()}/${name}`,
      { spec: { ports: [{ $patch: "delete", port: 80 }] } },
      type,
    );
    expect(objectsIn(at(removed.body.spec, "ports")).map((port) => port.name)).toEqual(["b"]);
  });

  it("applies a JSON Patch, and refuses one whose test fails", async () => {
    const name = fresh("json");
    await admin.create(MAPS(), configMap(name, { a: "1" }));
    const type = "application/json-patch+json";
    const path = `${MAPS()}/${name}`;
    const test = { op: "test", path: "/data/a", value: "2" };
    expect((await admin.patch(path, [test, { op: "remove", path: "/data/a" }], type)).status).toBe(422);
    const done = await admin.patch(path, [{ op: "replace", path: "/data/a", value: "2" }], type);
    expect(done.body.data).toEqual({ a: "2" });
  });

  it("lists in pages, of one state", async () => {
    const namespace = await cluster.namespace();
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    const selector = "labelSelector=page%3Dyes";
    for (const name of ["a", "b", "c"])
      await admin.create(maps, configMap(name, {}, { labels: { page: "yes" } }));
    const first = await admin.get(`${maps}?${selector}&limit=2`);
    const names = (reply: Reply) => objectsIn(reply.body.items).map((item) => at(item, "metadata", "name"));
    expect(names(first)).toEqual(["a", "b"]);
    expect(at(first.body.items?.[0 as never], "kind")).toBeUndefined();
    await admin.create(maps, configMap("d", {}, { labels: { page: "yes" } }));
    const token = encodeURIComponent(textIn(metadataOf(first).continue));
    const second = await admin.get(`${maps}?${selector}&limit=2&continue=${token}`);
    expect(names(second)).toEqual(["c"]);
    expect(metadataOf(second).resourceVersion).toBe(metadataOf(first).resourceVersion);
    expect(metadataOf(second).continue ?? "").toBe("");
  });

  it("watches from a version on, as a selector sees it", async () => {
    const name = fresh("watched");
    const { body } = await admin.get(MAPS());
    const version = at(body.metadata, "resourceVersion");
    const query = `watch=1&resourceVersion=${version}&labelSelector=seen%3Dyes`;
    await admin.create(MAPS(), configMap(name, {}, { labels: { seen: "yes" } }));
    await using watch = await admin.watch(`${MAPS()}?${query}`);
    expect(watch.status).toBe(200);
    await watch.until("ADDED", name);
    await admin.patch(`${MAPS()}/${name}`, { data: { a: "1" } });
    expect(at(await watch.until("MODIFIED", name), "data", "a")).toBe("1");
    const left = await admin.patch(`${MAPS()}/${name}`, { metadata: { labels: { seen: "no" } } });
    const gone = await watch.until("DELETED", name);
    expect(at(gone, "metadata", "resourceVersion")).toBe(metadataOf(left).resourceVersion);
  });

  it("ends a watch when the time is over, with bookmarks until then", async () => {
    const { body } = await admin.get(MAPS());
    const version = at(body.metadata, "resourceVersion");
    const query = `watch=1&resourceVersion=${version}&labelSelector=seen%3Dnever&allowWatchBookmarks=true&timeoutSeconds=1`;
    await using watch = await admin.watch(`${MAPS()}?${query}`);
    expect(watch.status).toBe(200);
    for (let next = await watch.next(); next !== undefined; next = await watch.next()) {
      expect(next.type).toBe("BOOKMARK");
    }
  });

  it("sends what is there first in a watch without a version", async () => {
    const name = fresh("there");
    await admin.create(MAPS(), configMap(name));
    await using watch = await admin.watch(`${MAPS()}?watch=1&fieldSelector=metadata.name%3D${name}`);
    await watch.until("ADDED", name);
    await admin.delete(`${MAPS()}/${name}`);
    await watch.until("DELETED", name);
  });

  it("refuses versions that it has not reached, and that are none", async () => {
    const far = await admin.get(`${MAPS()}?resourceVersion=9000000000000000`);
    expectRefused(far, { code: 504, reason: "Timeout", message: /^Too large resource version/ });
    expect((await admin.get(`${MAPS()}?resourceVersion=nonsense`)).status).toBeGreaterThanOrEqual(400);
  });

  it("prints tables", async () => {
    const name = fresh("table");
    await admin.create(SERVICES(), service(name));
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    const { body } = await admin.get(`${SERVICES()}/${name}`, { accept });
    expect(body.kind).toBe("Table");
    expect(objectsIn(body.columnDefinitions).map((each) => each.name)).toContain("Cluster-IP");
    expect(at(objectsIn(body.rows)[0], "object", "kind")).toBe("PartialObjectMetadata");
  });

  it("tells what it serves, plain and aggregated", async () => {
    const plain = await admin.get("/apis/discovery.k8s.io/v1");
    expect(objectsIn(plain.body.resources).map((each) => each.name)).toContain("endpointslices");
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const { body } = await admin.get("/apis", { accept });
    expect(body.kind).toBe("APIGroupDiscoveryList");
    const groups = objectsIn(body.items).map((item) => at(item, "metadata", "name"));
    expect(groups).toEqual(expect.arrayContaining(["apps", "multicluster.x-k8s.io"]));
  });
});

describe.skipIf(IS_REAL)("The tests' own API server, on order,", () => {
  it("forgets versions: 410 as an ERROR event in a watch, or as an answer, and for a page", async () => {
    const { server } = cluster;
    for (const name of [fresh("page"), fresh("page")]) await admin.create(MAPS(), configMap(name));
    const page = await admin.get(`${MAPS()}?limit=1`);
    const version = textIn(metadataOf(page).resourceVersion);
    await admin.create(MAPS(), configMap(fresh("page")));
    server.storage.compact();
    await using watch = await admin.watch(`${MAPS()}?watch=1&resourceVersion=${version}`);
    expect([watch.status, await watch.next(), await watch.next()]).toMatchObject([
      200,
      { type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } },
      undefined,
    ]);
    server.faults.expiredWatch = "http";
    const refused = await admin.get(`${MAPS()}?watch=1&resourceVersion=${version}`);
    server.faults.expiredWatch = "event";
    expectRefused(refused, { code: 410, reason: "Expired", message: /^too old resource version/ });
    const token = encodeURIComponent(textIn(metadataOf(page).continue));
    const expired = await admin.get(`${MAPS()}?limit=1&continue=${token}`);
    expectRefused(expired, {
      code: 410,
      reason: "Expired",
      message: /^The provided continue parameter is too old/,
    });
    const further = encodeURIComponent(textIn(metadataOf(expired).continue));
    expect((await admin.get(`${MAPS()}?limit=1&continue=${further}`)).status).toBe(200);
  });

  it("is frozen: it takes requests and says nothing, and watches fall silent", async () => {
    const { server } = cluster;
    const name = fresh("frozen");
    await using watch = await admin.watch(`${MAPS()}?watch=1&fieldSelector=metadata.name%3D${name}`);
    server.faults.freeze();
    let answered = false;
    const creation = admin.create(MAPS(), configMap(name)).then((reply) => {
      answered = true;
      return reply;
    });
    await eventually("the request to arrive", () => server.openRequests > 0);
    expect(answered).toBe(false);
    server.faults.thaw();
    expect((await creation).status).toBe(201);
    await watch.until("ADDED", name);
  });

  it("is away: it refuses connections, and comes back at the same address with what it had", async () => {
    const { server } = cluster;
    const name = fresh("away");
    await admin.create(MAPS(), configMap(name));
    await using watch = await admin.watch(`${MAPS()}?watch=1&fieldSelector=metadata.name%3D${name}`);
    await watch.until("ADDED", name);
    await server.goAway();
    // A connection that was kept may notice its end first.
    await eventually("the refusal of connections", () =>
      admin.get(MAPS()).then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === "ECONNREFUSED",
      ),
    );
    await server.comeBack();
    await eventually("an answer", async () => (await admin.get(`${MAPS()}/${name}`)).status === 200);
  });

  it("lets tokens expire, and takes a right away whatever the roles say", async () => {
    const { server } = cluster;
    const name = fresh("expiry");
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list"] }];
    const client = admin.as(await cluster.account(ns, name, rules));
    expect((await client.get(MAPS())).status).toBe(200);
    const denies = ({ name: user }: { name: string }, { resource }: { resource: string }) =>
      user.endsWith(`:${name}`) && resource === "configmaps";
    server.authorizer.denied.add(denies);
    expect((await client.get(MAPS())).status).toBe(403);
    server.authorizer.denied.delete(denies);
    server.authenticator.clockOffset = 601_000;
    expect((await client.get(MAPS())).status).toBe(401);
    server.authenticator.clockOffset = 0;
    expect((await client.get(MAPS())).status).toBe(200);
  });
});
