/** The tests' Kubernetes API server, as kubectl and helm see it: real programs are the judge of what it answers. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { JsonObject } from "../support/kubernetes/json.ts";
import { HAS_PROGRAMS, kubernetesPrograms } from "../support/kubernetes/programs.ts";
import { type Outcome, runProgram } from "../support/kubernetes/run-program.ts";
import { TestCluster } from "../support/kubernetes/test-cluster.ts";

let cluster: TestCluster;
let directory: string;
let ns: string;
let programs: Awaited<ReturnType<typeof kubernetesPrograms>>;

beforeAll(async () => {
  cluster = await TestCluster.open();
  directory = await mkdtemp(join(tmpdir(), "fl-"));
  if (!HAS_PROGRAMS) return;
  programs = await kubernetesPrograms();
  ns = await cluster.namespace();
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** The cluster's kubeconfig, and a home of its own. */
const environment = () => ({ KUBECONFIG: cluster.kubeconfig, HOME: directory });
const start = (program: string, args: readonly string[]) =>
  spawn(program, args, { env: environment(), stdio: "pipe" });
const run = (program: string, args: readonly string[], input = "") =>
  runProgram(program, args, environment(), { input });

const kubectl = (args: string, input?: string) =>
  run(programs.kubectl, ["--namespace", ns, ...args.split(" ")], input);
const helm = (args: string) => run(programs.helm, ["--namespace", ns, ...args.split(" ")]);

const documents = (objects: readonly JsonObject[]) =>
  objects.map((object) => stringify(object)).join("---\n");

const labels = { app: "web" };

/** What an installation has. */
const manifest = (image: string, port = 80): JsonObject[] => [
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "web" } },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: "web" },
    rules: [{ apiGroups: [""], resources: ["services"], verbs: ["get", "list", "watch"] }],
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "web" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "web" },
    subjects: [{ kind: "ServiceAccount", name: "web", namespace: ns }],
  },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0 } },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: "web",
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "web",
              image,
              args: ["run"],
              ports: [{ name: "http", containerPort: 8080 }],
              resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { cpu: 1 } },
              readinessProbe: { httpGet: { path: "/ready", port: "http" } },
              volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
            },
          ],
          volumes: [{ name: "tmp", emptyDir: {} }],
        },
      },
    },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", labels },
    spec: { selector: labels, ports: [{ name: "http", port, targetPort: "http" }] },
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "web" },
    spec: { podSelector: { matchLabels: labels }, policyTypes: ["Ingress"], ingress: [{}] },
  },
];

const lines = ({ stdout }: Outcome) => stdout.trim().split("\n");

describe.skipIf(!HAS_PROGRAMS)("kubectl", () => {
  it("applies a manifest, finds it unchanged, and changes it", async () => {
    const made = await kubectl("apply --validate=strict -f -", documents(manifest("a:1")));
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(lines(made)).toEqual([
      "serviceaccount/web created",
      "role.rbac.authorization.k8s.io/web created",
      "rolebinding.rbac.authorization.k8s.io/web created",
      "deployment.apps/web created",
      "service/web created",
      "networkpolicy.networking.k8s.io/web created",
    ]);
    const again = await kubectl("apply -f -", documents(manifest("a:1")));
    expect(lines(again).every((line) => line.endsWith(" unchanged"))).toBe(true);
    const changed = await kubectl("apply -f -", documents(manifest("a:2", 81)));
    expect(lines(changed).filter((line) => !line.endsWith(" unchanged"))).toEqual([
      "deployment.apps/web configured",
      "service/web configured",
    ]);
    const found = await kubectl("get service web -o jsonpath={.spec.ports[*].port}");
    expect(found.stdout).toBe("81");
  });

  it("applies on the server, keeps what it may not change, and takes it by force", async () => {
    const [, , , , service = {}] = manifest("a:1", 90);
    const own = { ...service, metadata: { name: "applied" } };
    const made = await kubectl("apply --server-side -f -", documents([own]));
    expect(made).toMatchObject({ code: 0, stdout: "service/applied serverside-applied\n" });
    const other = {
      ...own,
      spec: { type: "ExternalName", externalName: "a.example", selector: { app: "b" } },
    };
    const refused = await kubectl("apply --server-side --field-manager=other -f -", documents([other]));
    expect(refused.stderr).toMatch(/Apply failed with 1 conflict: conflict with "kubectl": \.spec\.selector/);
    const forced = await kubectl(
      "apply --server-side --force-conflicts --field-manager=other -f -",
      documents([{ ...own, spec: { selector: { app: "b" } } }]),
    );
    expect(forced.stdout).toBe("service/applied serverside-applied\n");
  });

  it("is refused a field that does not exist, in a dry run as well", async () => {
    const [account = {}] = manifest("a:1");
    const wrong = { ...account, metadata: { name: "dry" }, automountServiceAcountToken: false };
    for (const how of ["apply", "apply --server-side"]) {
      const { code, stderr } = await kubectl(
        `${how} --dry-run=server --validate=strict -f -`,
        documents([wrong]),
      );
      expect([code, stderr]).toEqual([1, expect.stringMatching(/automountServiceAcountToken/)]);
    }
    const right = await kubectl(
      "apply --dry-run=server --validate=strict -f -",
      documents([{ ...account, metadata: { name: "dry" } }]),
    );
    expect(right.stdout).toBe("serviceaccount/dry created (server dry run)\n");
    expect((await kubectl("get serviceaccount dry")).stderr).toBe(
      'Error from server (NotFound): serviceaccounts "dry" not found\n',
    );
  });

  it("watches, and prints a table", async () => {
    const watch = start(programs.kubectl, [
      "--namespace",
      ns,
      "get",
      "configmaps",
      "--watch",
      "--output-watch-events",
    ]);
    const printed = createInterface({ input: watch.stdout })[Symbol.asyncIterator]();
    const until = async (pattern: RegExp) => {
      for (
        let { value, done } = await printed.next();
        done !== true;
        { value, done } = await printed.next()
      ) {
        if (pattern.test(String(value))) return;
      }
      throw new Error(`kubectl ended without ${pattern}.`);
    };
    await until(/^EVENT +NAME +DATA +AGE/);
    await kubectl("create configmap watched --from-literal=a=b");
    await until(/^ADDED +watched +1 /);
    await kubectl("delete configmap watched");
    await until(/^DELETED +watched +1 /);
    watch.kill();
  });

  it("scales, asks what it may do, makes tokens, and knows what fields there are", async () => {
    const scaled = await kubectl("scale deployment web --replicas=0");
    expect(scaled.stdout).toBe("deployment.apps/web scaled\n");
    expect((await kubectl("auth can-i list services")).stdout).toBe("yes\n");
    const as = `--as=system:serviceaccount:${ns}:web`;
    expect((await kubectl(`auth can-i list services ${as}`)).stdout).toBe("yes\n");
    expect((await kubectl(`auth can-i delete services ${as}`)).stdout).toBe("no\n");
    expect((await kubectl("create token web")).stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect((await kubectl("explain service.spec.ports")).stdout).toContain("targetPort");
    const waited = await kubectl("delete service applied --wait");
    expect(waited.code).toBe(0);
  });
});

/** A chart with a Deployment of as many replicas as its values say. */
async function writeChart(path: string): Promise<void> {
  await mkdir(join(path, "templates"), { recursive: true });
  await writeFile(join(path, "Chart.yaml"), "apiVersion: v2\nname: web\nversion: 0.1.0\n");
  await writeFile(join(path, "values.yaml"), "port: 80\nimage: a:1\n");
  const objects = manifest("IMAGE").filter(({ kind }) => kind === "Deployment" || kind === "Service");
  const text = documents(objects)
    .replaceAll("name: web\n", "name: {{ .Release.Name }}\n")
    .replace("port: 80\n", "port: {{ .Values.port }}\n")
    .replace("image: IMAGE", "image: {{ .Values.image }}");
  await writeFile(join(path, "templates/all.yaml"), text);
}

describe.skipIf(!HAS_PROGRAMS)("helm", () => {
  it("installs, upgrades and uninstalls a chart", async () => {
    const chart = join(directory, "chart");
    await writeChart(chart);
    const installed = await helm(`install shop ${chart}`);
    expect(installed).toMatchObject({ code: 0, stdout: expect.stringContaining("STATUS: deployed") });
    const upgraded = await helm(`upgrade shop ${chart} --set image=a:2,port=81`);
    expect(upgraded, upgraded.stderr).toMatchObject({ code: 0 });
    const image = await kubectl("get deployment shop -o jsonpath={.spec.template.spec.containers[*].image}");
    const port = await kubectl("get service shop -o jsonpath={.spec.ports[*].port}");
    expect([image.stdout, port.stdout]).toEqual(["a:2", "81"]);
    expect((await helm("history shop")).stdout).toMatch(/\n2 +\t.*deployed/);
    expect((await helm("uninstall shop")).code).toBe(0);
    expect((await kubectl("get deployment shop")).code).toBe(1);
  });
});
