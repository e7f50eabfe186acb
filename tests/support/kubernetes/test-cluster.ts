/**
 * The cluster of a suite: the tests' own API server, or the real one that KUBECONFIG names. A suite works in namespaces
 * that it makes, and leaves nothing else behind.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { eventually } from "../clock/eventually.ts";
import { ApiServer, type ApiServerOptions } from "./api-server.ts";
import { at, isObject, type JsonObject, textIn } from "./json.ts";
import { type Access, KubeClient } from "./kube-client.ts";

/** True when the suites run against a real cluster. */
export const IS_REAL = (process.env.KUBECONFIG ?? "") !== "";

const Named = <T extends z.ZodType>(key: string, value: T) =>
  z.array(z.looseObject({ name: z.string(), [key]: value }));

const Kubeconfig = z.object({
  "current-context": z.string(),
  clusters: Named("cluster", z.looseObject({ server: z.string() })),
  users: Named("user", z.looseObject({})),
  contexts: Named("context", z.looseObject({ cluster: z.string(), user: z.string() })),
});

export class TestCluster implements AsyncDisposable {
  /** The client of an administrator. */
  readonly admin: KubeClient;
  /** Where the API server is, and the administrator's proof. */
  readonly access: Access;
  readonly kubeconfig: string;
  readonly #server: ApiServer | undefined;
  readonly #directory: string | undefined;
  readonly #namespaces: string[] = [];

  private constructor(access: Access, kubeconfig: string, server?: ApiServer, directory?: string) {
    this.admin = new KubeClient(access);
    this.access = access;
    this.kubeconfig = kubeconfig;
    this.#server = server;
    this.#directory = directory;
  }

  static async open(options?: ApiServerOptions): Promise<TestCluster> {
    const { KUBECONFIG: path } = process.env;
    if (path !== undefined && path !== "") return new TestCluster(await accessOf(path), path);
    const server = await ApiServer.start(options);
    const directory = await mkdtemp(join(tmpdir(), "fl-"));
    const file = join(directory, "kubeconfig");
    await writeFile(file, server.kubeconfig(), { mode: 0o600 });
    const access = { url: server.url, ca: server.ca, token: server.adminToken };
    return new TestCluster(access, file, server, directory);
  }

  /** The tests' own server, with its faults. @throws Error when the cluster is a real one */
  get server(): ApiServer {
    if (this.#server === undefined) throw new Error("A real API server takes no orders.");
    return this.#server;
  }

  /** Makes a namespace with a name of its own, ready for content. */
  async namespace(prefix = "fl"): Promise<string> {
    const name = `${prefix}-${randomBytes(4).toString("hex")}`;
    const { status, text } = await this.admin.create("/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name },
    });
    if (status !== 201) throw new Error(`The namespace was not made: ${text}`);
    this.#namespaces.push(name);
    await eventually(`the account of the namespace ${name}`, async () => {
      const found = await this.admin.get(`/api/v1/namespaces/${name}/serviceaccounts/default`);
      return found.status === 200;
    });
    return name;
  }

  /** Makes a ServiceAccount with a role of its own, and returns its token. @param rules of the role */
  async account(namespace: string, name: string, rules: JsonObject[]): Promise<string> {
    const core = `/api/v1/namespaces/${namespace}`;
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    const metadata = { name };
    const group = "rbac.authorization.k8s.io";
    await this.admin.create(`${core}/serviceaccounts`, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata,
    });
    await this.admin.create(`${rbac}/roles`, { apiVersion: `${group}/v1`, kind: "Role", metadata, rules });
    await this.admin.create(`${rbac}/rolebindings`, {
      apiVersion: `${group}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: group, kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    });
    const { body } = await this.admin.create(`${core}/serviceaccounts/${name}/token`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 600 },
    });
    return textIn(at(body.status, "token"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#namespaces) await this.admin.delete(`/api/v1/namespaces/${name}`);
    this.admin.close();
    await this.#server?.close();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true });
  }
}

/** Reads the current context of a kubeconfig. */
async function accessOf(path: string): Promise<Access> {
  const config = Kubeconfig.parse(parse(await readFile(path, "utf8")));
  const pick = (list: readonly Record<string, unknown>[], key: string, name: string): JsonObject => {
    const found = list.find((each) => each.name === name)?.[key];
    return isObject(found) ? found : {};
  };
  const context = pick(config.contexts, "context", config["current-context"]);
  const cluster = pick(config.clusters, "cluster", textIn(context.cluster));
  const user = pick(config.users, "user", textIn(context.user));
  const pem = async (from: JsonObject, key: string) => {
    const data = textIn(from[`${key}-data`]);
    if (data !== "") return Buffer.from(data, "base64").toString();
    const file = textIn(from[key]);
    return file === "" ? undefined : await readFile(file, "utf8");
  };
  const certificate = await pem(user, "client-certificate");
  const key = await pem(user, "client-key");
  return {
    url: textIn(cluster.server),
    ca: (await pem(cluster, "certificate-authority")) ?? "",
    ...(textIn(user.token) === "" ? {} : { token: textIn(user.token) }),
    ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
  };
}
