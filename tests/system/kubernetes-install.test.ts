/** The installation: one set of objects by three ways, as kubectl and helm see it. */
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { TestDeployment } from "../support/authority/test-deployment.ts";
import { at, isObject, type JsonObject, objectIn, objectsIn, textIn } from "../support/kubernetes/json.ts";
import { HAS_PROGRAMS, type KubernetesPrograms, kubernetesPrograms } from "../support/kubernetes/programs.ts";
import { type Outcome, runProgram } from "../support/kubernetes/run-program.ts";
import { TestCluster } from "../support/kubernetes/test-cluster.ts";
import { makeWorld, type World } from "../support/process/cli-world.ts";
import { ROOT } from "../support/run/repository-files.ts";

const CHART = join(ROOT, "connector/kubernetes/chart");
/** The chart as it was released last, whose installations must be upgraded. */
const PREVIOUS_CHART = join(import.meta.dirname, "recorded/fairlead-0.1.0.tgz");

let cluster: TestCluster;
let world: World;
let directory: string;
let programs: KubernetesPrograms;
let tokenFile: string;

beforeAll(async () => {
  cluster = await TestCluster.open();
  world = await makeWorld();
  directory = await mkdtemp(join(tmpdir(), "fl-"));
  tokenFile = join(directory, "token.yaml");
  await writeFile(tokenFile, (await TestDeployment.create()).tokenFile());
  if (HAS_PROGRAMS) programs = await kubernetesPrograms();
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await world.remove();
  await rm(directory, { recursive: true });
});

const run = (program: string, args: readonly string[], input?: string): Promise<Outcome> =>
  runProgram(program, args, { KUBECONFIG: cluster.kubeconfig, HOME: directory }, { input });
async function succeeds(running: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await running;
  expect(code, stderr).toBe(0);
  return stdout;
}

async function manifest(...args: readonly string[]): Promise<string> {
  const { exit, out, err } = await world.run("kubernetes", "manifest", ...args);
  expect(exit, err).toBe(0);
  return out;
}

const itemsOf = (text: string): readonly JsonObject[] => objectsIn(at(JSON.parse(text), "items"));

/** Objects by kind, namespace and name, in one order. */
function canonical(text: string): JsonObject {
  const objects = parseAllDocuments(text)
    .map((document) => document.toJS() as unknown)
    .filter(isObject);
  const keyed = objects.map((object): [string, JsonObject] => {
    const { namespace = "", name = "" } = objectIn(object.metadata);
    return [`${textIn(object.kind)} ${textIn(namespace)}/${textIn(name)}`, object];
  });
  expect(new Set(keyed.map(([key]) => key)).size).toBe(keyed.length);
  return Object.fromEntries(keyed.sort(([left], [right]) => left.localeCompare(right)));
}

/** Options of the command, and the values that mean the same. The namespaces are those of the suite. */
const cases = (namespaces: readonly string[]) => ({
  defaults: { options: [], values: {} },
  "the whole cluster": { options: ["--cluster-wide"], values: { clusterWide: true } },
  "a token and certain namespaces": {
    options: [
      "--token",
      tokenFile,
      "--watch-namespaces",
      namespaces.join(),
      "--import-namespaces",
      namespaces.join(),
    ],
    values: {
      watchNamespaces: namespaces,
      importNamespaces: namespaces,
      // The ports of the addresses in the token.
      networkPolicy: { edgePorts: [1] },
    },
    sets: ["--set-file", `token=${tokenFile}`],
  },
  "every option": {
    options: [
      ...["--name", "edgeward", "--site", "west", "--replicas", "3", "--image", "registry.example/f:2"],
      ...["--image-pull-policy", "Always", "--image-pull-secret", "registry", "--priority-class", "high"],
      ...["--cpu", "500m", "--memory", "1Gi", "--cpu-limit", "2", "--memory-limit", "2Gi", "--drain", "2m"],
      ...[
        "--node-selector",
        "pool=edge",
        "--toleration",
        "dedicated=edge:NoSchedule",
        "--toleration",
        "spot",
      ],
      ...[
        "--label",
        "team=net",
        "--annotation",
        'example.com/note=a: "b"',
        "--mcs",
        "off",
        "--events",
        "off",
      ],
      ...["--service-account-annotation", "example.com/role=r", "--network-policy", "on"],
      ...["--edge-port", "8443", "--edge-port", "3128", "--service-monitor", "on", "--skupper-annotations"],
      ...["--openshift", "--import-namespaces", namespaces[0] ?? "", "--pod-disruption-budget", "on"],
      ...["--env", "HTTPS_PROXY=http://proxy:3128", "--ports", "30000-30999"],
      ...["--connector-option=--log-level=debug", "--watch-namespaces", namespaces.join()],
    ],
    values: {
      name: "edgeward",
      site: "west",
      replicas: 3,
      image: "registry.example/f:2",
      imagePullPolicy: "Always",
      imagePullSecrets: [{ name: "registry" }],
      priorityClassName: "high",
      resources: { requests: { cpu: "500m", memory: "1Gi" }, limits: { cpu: "2", memory: "2Gi" } },
      drainSeconds: 120,
      nodeSelector: { pool: "edge" },
      tolerations: [
        { key: "dedicated", operator: "Equal", value: "edge", effect: "NoSchedule" },
        { key: "spot", operator: "Exists" },
      ],
      podLabels: { team: "net" },
      podAnnotations: { "example.com/note": 'a: "b"' },
      multiClusterServices: false,
      events: false,
      serviceAccount: { annotations: { "example.com/role": "r" } },
      networkPolicy: { edgePorts: [8443, 3128] },
      serviceMonitor: { enabled: true },
      skupperAnnotations: true,
      openshift: true,
      watchNamespaces: namespaces,
      importNamespaces: namespaces.slice(0, 1),
      extraArgs: ["--log-level=debug"],
      listenerPorts: { from: 30000, to: 30999 },
      extraEnv: [{ name: "HTTPS_PROXY", value: "http://proxy:3128" }],
    },
  },
  "as little as possible": {
    options: [
      ...["--import-namespaces", "none", "--mcs", "off", "--network-policy", "off"],
      ...["--pod-disruption-budget", "off", "--replicas", "0"],
    ],
    values: {
      importServices: false,
      multiClusterServices: false,
      networkPolicy: { enabled: false },
      podDisruptionBudget: { enabled: false },
      replicas: 0,
    },
  },
});
type CaseName = keyof ReturnType<typeof cases>;
const CASES: readonly CaseName[] = [
  "defaults",
  "the whole cluster",
  "a token and certain namespaces",
  "every option",
  "as little as possible",
];

/** The options of helm for the values of a case. */
async function helmOptions(values: object, sets: readonly string[] = []): Promise<string[]> {
  const file = join(directory, "values.yaml");
  await writeFile(file, stringify(values));
  return ["--values", file, ...sets];
}

describe.skipIf(!HAS_PROGRAMS)("the Helm chart", () => {
  it.each(CASES)("makes the objects of the command: %s", async (name) => {
    const { options, values, ...more } = cases(["shop", "lab"])[name];
    const { sets } = { sets: [], ...more };
    const made = await manifest("--namespace", "shop", ...options);
    const args = ["template", "any", CHART, "--namespace", "shop", ...(await helmOptions(values, sets))];
    expect(canonical(await succeeds(run(programs.helm, args)))).toEqual(canonical(made));
  });

  it.each([
    ["a label of the selector", { podLabels: { "app.kubernetes.io/name": "mine" } }],
    ["all namespaces and certain ones", { clusterWide: true, watchNamespaces: ["shop"] }],
    ["a value that it does not know", { replica: 3 }],
    ["a name that no object can have", { name: "Fairlead" }],
  ])("refuses %s", async (_, values) => {
    const { code, stderr } = await run(programs.helm, [
      "template",
      "any",
      CHART,
      ...(await helmOptions(values)),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain("values don't meet the specifications of the schema");
  });

  it("is without faults for helm lint, and can be packed", async () => {
    await succeeds(run(programs.helm, ["lint", "--strict", CHART]));
    await succeeds(run(programs.helm, ["package", CHART, "--destination", directory]));
  });
});

describe.skipIf(!HAS_PROGRAMS)("the kustomize bases", () => {
  it.each([
    ["namespace", []],
    ["cluster-wide", ["--cluster-wide"]],
  ])("%s makes the objects of the command", async (base, options) => {
    const built = await succeeds(run(programs.kubectl, ["kustomize", join(CHART, "kustomize", base)]));
    expect(canonical(built)).toEqual(canonical(await manifest("--namespace", "fairlead", ...options)));
  });

  it("can be moved to another namespace by an overlay", async () => {
    const overlay = join(directory, "overlay");
    await mkdir(overlay);
    await cp(join(CHART, "kustomize/namespace"), join(directory, "base"), { recursive: true });
    const kustomization = {
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      namespace: "shop",
      resources: ["../base"],
      images: [{ name: "fairlead", newName: "registry.example/fairlead", newTag: "1" }],
    };
    await writeFile(join(overlay, "kustomization.yaml"), stringify(kustomization));
    const built = canonical(await succeeds(run(programs.kubectl, ["kustomize", overlay])));
    const made = await manifest("--namespace", "shop", "--image", "registry.example/fairlead:1");
    // The names of roles keep the base's namespace.
    const named = made.replaceAll(/-(export|import)-shop/g, "-$1-fairlead");
    expect(built).toEqual(canonical(named));
  });
});

const SERVICE_MONITORS = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "servicemonitors.monitoring.coreos.com" },
  spec: {
    group: "monitoring.coreos.com",
    scope: "Namespaced",
    names: { plural: "servicemonitors", singular: "servicemonitor", kind: "ServiceMonitor" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        },
      },
    ],
  },
};

/** Runs `use` in a cluster that knows ServiceMonitors, and takes the definition away again if it brought it. */
async function withServiceMonitors(use: () => Promise<void>): Promise<void> {
  const created = await run(programs.kubectl, ["create", "-f", "-"], stringify(SERVICE_MONITORS));
  const { name } = SERVICE_MONITORS.metadata;
  try {
    await succeeds(
      run(programs.kubectl, ["wait", "--for=condition=Established", "--timeout=60s", `crd/${name}`]),
    );
    await use();
  } finally {
    if (created.code === 0) await succeeds(run(programs.kubectl, ["delete", "crd", name]));
  }
}

describe.skipIf(!HAS_PROGRAMS)("fairlead kubernetes manifest", () => {
  const apply = (made: string, ...more: readonly string[]) =>
    succeeds(run(programs.kubectl, ["apply", "--validate=strict", ...more, "-f", "-"], made));

  /** What changes with each change of an object by its owner; controllers change the status. */
  async function versions(made: string): Promise<unknown[]> {
    const found = await succeeds(run(programs.kubectl, ["get", "-o", "json", "-f", "-"], made));
    return itemsOf(found).map(({ metadata }) => [
      at(metadata, "uid"),
      at(metadata, "generation") ?? at(metadata, "resourceVersion"),
    ]);
  }

  it.each(CASES)(
    "prints what a server takes strictly, and what applied again changes nothing: %s",
    async (name) => {
      const namespaces = [await cluster.namespace(), await cluster.namespace()];
      const made = await manifest("--namespace", namespaces[0] ?? "", ...cases(namespaces)[name].options);
      const check = async () => {
        const lines = (await apply(made, "--dry-run=server")).trim().split("\n");
        expect(lines.filter((line) => !line.endsWith(" created (server dry run)"))).toEqual([]);
        await apply(made);
        const before = await versions(made);
        await apply(made);
        expect(await versions(made)).toEqual(before);
        await succeeds(run(programs.kubectl, ["delete", "-f", "-"], made));
      };
      await (made.includes("kind: ServiceMonitor") ? withServiceMonitors(check) : check());
    },
  );

  it("makes the namespace where it is asked to, and prints a List as JSON", async () => {
    const items = itemsOf(await manifest("--json"));
    expect(items[0]).toMatchObject({ kind: "Namespace", metadata: { name: "fairlead" } });
    const kinds = async (...more: string[]) =>
      itemsOf(await manifest("--namespace", "shop", "--json", ...more)).map(({ kind }) => kind);
    expect(await kinds()).not.toContain("Namespace");
    expect((await kinds("--create-namespace"))[0]).toBe("Namespace");
  });
});

describe.skipIf(!HAS_PROGRAMS)("examples/kubernetes", () => {
  const EXAMPLE = "examples/kubernetes";

  it.each(["backend.yaml", "frontend.yaml"])("has in %s what a server takes strictly", async (file) => {
    const args = ["-n", await cluster.namespace(), "apply", "--validate=strict", "--dry-run=server", "-f"];
    const lines = (await succeeds(run(programs.kubectl, [...args, join(ROOT, EXAMPLE, file)])))
      .trim()
      .split("\n");
    expect(lines.filter((line) => !line.endsWith(" created (server dry run)"))).toEqual([]);
  });

  it("has an overlay that makes the objects of the command", async () => {
    const overlay = join(directory, "checkout", EXAMPLE, "kustomize");
    await cp(join(ROOT, EXAMPLE, "kustomize"), overlay, { recursive: true });
    const base = "connector/kubernetes/chart/kustomize";
    await cp(join(ROOT, base), join(directory, "checkout", base), { recursive: true });
    await cp(tokenFile, join(overlay, "token.yaml"));
    const built = canonical(await succeeds(run(programs.kubectl, ["kustomize", overlay])));
    const image = "registry.example/fairlead:0.1.0";
    const made = canonical(
      await manifest(...["--namespace", "shop", "--site", "backend", "--token", tokenFile, "--image", image]),
    );
    expect(Object.keys(built).map(baseNamed).sort()).toEqual(Object.keys(made).map(baseNamed).sort());
    expect(containerOf(built)).toEqual(containerOf(made));
    expect(tokenOf(built)).toBe(tokenOf(made));
  });

  /** The bases name their roles after their own namespace. */
  const baseNamed = (key: string) => key.replace(/-(export|import)-(shop|fairlead)$/, "-$1");
  /** The overlay adds an argument as the last one. */
  function containerOf(objects: JsonObject): JsonObject {
    const deployment = objects["Deployment shop/fairlead-connector"];
    const [container = {}] = objectsIn(at(deployment, "spec", "template", "spec", "containers"));
    const { args } = container;
    return { ...container, args: Array.isArray(args) ? args.map(textIn).sort() : [] };
  }
  /** Kustomize breaks the text into lines. */
  const tokenOf = (objects: JsonObject) =>
    textIn(at(objects["Secret shop/fairlead-token"], "data", "token.yaml")).replaceAll(/\s/g, "");
});

describe.skipIf(!HAS_PROGRAMS)("an installation by helm", () => {
  it("is upgraded from the previous chart and with other values: pods change, names and selectors do not", async () => {
    const namespace = await cluster.namespace();
    const helm = (...args: string[]) => run(programs.helm, ["--namespace", namespace, ...args]);
    const identities = async () => {
      const kinds = "deployments,services,serviceaccounts,networkpolicies,poddisruptionbudgets,roles";
      const found = await succeeds(
        run(programs.kubectl, [
          "-n",
          namespace,
          "get",
          kinds,
          "-l",
          "app.kubernetes.io/name=fairlead",
          "-o",
          "json",
        ]),
      );
      return itemsOf(found).map(({ kind, metadata, spec }) => ({
        kind,
        uid: at(metadata, "uid"),
        selector: at(spec, "selector"),
      }));
    };
    await succeeds(helm("install", "first", PREVIOUS_CHART, "--set", "site=west"));
    const before = await identities();
    expect(before.length).toBeGreaterThan(7);
    const notes = await succeeds(helm("upgrade", "first", CHART, "--reset-then-reuse-values"));
    expect(notes).toContain(`rollout status deployment/fairlead-connector`);
    const { values } = cases([namespace])["every option"];
    const { name: _, serviceMonitor: __, ...changes } = values;
    await succeeds(helm("upgrade", "first", CHART, ...(await helmOptions(changes))));
    expect(await identities()).toEqual(before);
    await succeeds(helm("uninstall", "first"));
    expect(await identities()).toEqual([]);
  });
});
