/** The objects of an installation, in what must never change and what security asks for. */
import { describe, expect, it } from "vitest";
import { commandOf } from "../../../../../connector/cli/commands.ts";
import { DEFAULT_KUBERNETES_NAME } from "../../../../../connector/config/kubernetes-options.ts";
import { connectorLabels, connectorName } from "../../../../../connector/kubernetes/cluster/names.ts";
import { withoutComments } from "../../../../../connector/kubernetes/manifest/evaluate.ts";
import { manifestOf } from "../../../../../connector/kubernetes/manifest/manifest.ts";
import { RIGHTS } from "../../../../../connector/kubernetes/manifest/rights.ts";
import { DEFAULTS, Values } from "../../../../../connector/kubernetes/manifest/values.ts";
import { at, type JsonObject, objectIn, objectsIn, textIn } from "../../../../support/kubernetes/json.ts";
import { readImage } from "../../../../support/run/image.ts";

const objectsOf = (given: object = {}, namespace = "shop"): readonly JsonObject[] =>
  manifestOf(Values.parse(given), namespace).map((filled) =>
    objectIn(JSON.parse(JSON.stringify(withoutComments(filled)))),
  );

function one(kind: string, given?: object): JsonObject {
  const [found, ...others] = objectsOf(given).filter((object) => object.kind === kind);
  if (found === undefined || others.length > 0) throw new Error(`There is not one ${kind}.`);
  return found;
}

const SELECTOR = {
  "app.kubernetes.io/name": "fairlead",
  "app.kubernetes.io/component": "connector",
  "app.kubernetes.io/instance": "fairlead",
};

describe("the Deployment", () => {
  const others = { podLabels: { team: "net" }, replicas: 5, image: "b:2", site: "west", clusterWide: true };

  it("has the selector that every version has: a cluster refuses another one", () => {
    for (const given of [{}, others]) {
      const { spec, metadata } = one("Deployment", given);
      expect(at(spec, "selector")).toEqual({ matchLabels: SELECTOR });
      expect(at(spec, "template", "metadata", "labels")).toMatchObject(SELECTOR);
      expect(at(metadata, "name")).toBe("fairlead-connector");
    }
  });

  it("replaces pods one by one, and never takes one away first", () => {
    expect(at(one("Deployment").spec, "strategy")).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
    });
  });

  it("leaves pods more time to end than connections have", () => {
    const { spec } = one("Deployment", { drainSeconds: 90 });
    expect(at(spec, "template", "spec", "terminationGracePeriodSeconds")).toBe(105);
    expect(argsOf({ drainSeconds: 90 })).toContain("--drain=90s");
  });

  it("keeps to the restricted standard of Pod Security", () => {
    const pod = objectIn(at(one("Deployment").spec, "template", "spec"));
    expect(pod.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    const [container = {}] = objectsIn(pod.containers);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    const kinds = objectsIn(pod.volumes).map(
      (volume) => Object.keys(volume).filter((key) => key !== "name")[0],
    );
    expect(new Set(kinds)).toEqual(new Set(["emptyDir", "secret"]));
    for (const host of ["hostNetwork", "hostPID", "hostIPC"]) expect(pod).not.toHaveProperty(host);
  });

  it("has a writable directory where the image keeps its state", () => {
    const [container = {}] = objectsIn(at(one("Deployment").spec, "template", "spec", "containers"));
    const paths = objectsIn(container.volumeMounts).map(({ mountPath }) => mountPath);
    expect(paths).toContain(readImage().volume);
  });
});

function argsOf(given?: object): string[] {
  const [container = {}] = objectsIn(at(one("Deployment", given).spec, "template", "spec", "containers"));
  const { args } = container;
  return Array.isArray(args) ? args.map(textIn) : [];
}

describe("the arguments of the connector", () => {
  it("are what the values say", () => {
    const given = {
      site: "west",
      watchNamespaces: ["a", "b"],
      importServices: false,
      multiClusterServices: false,
      events: false,
      skupperAnnotations: true,
      extraArgs: ["--log-level=debug"],
    };
    expect(argsOf(given)).toEqual([
      "--kubernetes",
      "--kubernetes-name=fairlead",
      "--site=west",
      "--token=/token/token.yaml",
      "--kubernetes-watch=a,b",
      "--kubernetes-import=none",
      "--kubernetes-ports=20000-29999",
      "--kubernetes-mcs=off",
      "--kubernetes-events=off",
      "--skupper-annotations",
      "--dns=0.0.0.0:5353",
      "--metrics=*:9464",
      "--drain=30s",
      "--json",
      "--log-level=debug",
    ]);
  });

  it("are options of the command that the image runs", () => {
    const [, , ...words] = readImage().entrypoint;
    const command = commandOf(words);
    expect(command?.path).toEqual(["connector", "run"]);
    const options = Object.values(command?.options ?? {});
    const given = { site: "west", watchNamespaces: ["a"], importNamespaces: ["a"], skupperAnnotations: true };
    const less = { importServices: false, multiClusterServices: false, events: false };
    for (const arg of [...argsOf(given), ...argsOf(less)].filter((each) => each !== "--json")) {
      const [flag = "", text = ""] = arg.split("=");
      const option = options.find(({ flags }) => flags.split(" ")[0] === flag);
      expect(option, arg).toBeDefined();
      expect(() => option?.parse(text), arg).not.toThrow();
    }
  });

  it("name all namespaces where the whole cluster is read", () => {
    expect(argsOf({ clusterWide: true })).toContain("--kubernetes-watch=all");
  });
});

describe("the rights", () => {
  const all = RIGHTS.flatMap(({ rights }) => rights);

  it("have a reason each, as a sentence", () => {
    for (const { reason } of all) expect(reason).toMatch(/^[A-Z].*\.$/);
  });

  it("are none that a connector must not have", () => {
    for (const { group, resources, verbs, names } of all) {
      expect([group, ...resources, ...verbs]).not.toContain("*");
      expect(verbs).not.toContain("deletecollection");
      expect(group).not.toBe("rbac.authorization.k8s.io");
      expect(resources.filter((resource) => /^pods\/|\/finalizers$|^nodes|^roles/.test(resource))).toEqual(
        [],
      );
      if (resources.includes("secrets") && names === undefined) expect(verbs).toEqual(["create"]);
      if (resources.includes("secrets")) expect(verbs).not.toContain("list");
      if (resources.includes("pods")) expect(verbs).toEqual(["get", "list", "watch"]);
    }
  });

  it("are limited to the connector's namespace unless others are chosen", () => {
    const roles = objectsOf().filter(({ kind }) => String(kind).includes("Role"));
    expect(new Set(roles.map(({ metadata }) => at(metadata, "namespace")))).toEqual(new Set(["shop"]));
    expect(objectsOf().map(({ kind }) => kind)).not.toContain("ClusterRole");
  });

  it("cover the whole cluster with secrets of the connector's namespace alone", () => {
    const roles = objectsOf({ clusterWide: true }).filter(({ kind }) => kind === "ClusterRole");
    expect(roles.length).toBeGreaterThan(0);
    expect(JSON.stringify(roles.map(({ rules }) => rules))).not.toMatch(/secrets|configmaps|leases/);
  });

  it("are less where less is asked for", () => {
    const given = { multiClusterServices: false, importServices: false };
    const rules = objectsOf(given)
      .filter(({ kind }) => kind === "Role")
      .flatMap((role) => objectsIn(role.rules));
    expect(JSON.stringify(rules)).not.toMatch(/multicluster|"delete"/);
  });
});

describe("every object", () => {
  it("has a name that begins with the value `name`, and a namespace unless it is of the whole cluster", () => {
    const given = { name: "edgeward", clusterWide: true, token: "t", serviceMonitor: { enabled: true } };
    for (const { kind, metadata } of objectsOf(given)) {
      expect(at(metadata, "name")).toMatch(/^edgeward-/);
      expect(at(metadata, "namespace")).toBe(String(kind).startsWith("Cluster") ? undefined : "shop");
    }
  });

  it("is not of the objects that a connector takes for its own work", () => {
    for (const { metadata } of objectsOf({ token: "t" }))
      expect(at(metadata, "labels", "app.kubernetes.io/managed-by")).toBeUndefined();
  });
});

describe("what controllers rely on", () => {
  const { spec, metadata } = one("Deployment");

  it("has the names and labels by which they find the connector and its pods", () => {
    expect(DEFAULTS.name).toBe(DEFAULT_KUBERNETES_NAME);
    expect(at(metadata, "name")).toBe(connectorName(DEFAULT_KUBERNETES_NAME));
    expect(at(spec, "template", "metadata", "labels")).toEqual(connectorLabels(DEFAULT_KUBERNETES_NAME));
  });

  it("lets pods reach the listeners, whichever ports they have", () => {
    const given = { listenerPorts: { from: 30_000, to: 30_099 } };
    const [{ ports } = {}] = objectsIn(at(one("NetworkPolicy", given).spec, "ingress"));
    const range = { port: 30_000, endPort: 30_099 };
    expect(ports).toEqual(["TCP", "UDP"].map((protocol) => ({ protocol, ...range })));
    expect(argsOf(given)).toContain("--kubernetes-ports=30000-30099");
  });
});

describe("the values", () => {
  it("merge with the defaults at every level, as those of Helm do", () => {
    const { resources, networkPolicy } = Values.parse({
      resources: { requests: { cpu: "2" } },
      networkPolicy: { edgePorts: [8443] },
    });
    expect(resources).toEqual({ requests: { cpu: "2", memory: "256Mi" }, limits: { memory: "512Mi" } });
    expect(networkPolicy).toEqual({ ...DEFAULTS.networkPolicy, edgePorts: [8443] });
  });
});
