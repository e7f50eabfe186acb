/** A ServiceAccount, and the directory in which a pod finds its token. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { at, type JsonObject, textIn } from "../json.ts";
import type { TestCluster } from "../test-cluster.ts";

const RBAC = "rbac.authorization.k8s.io";

/** Lifetime of a token, s. A server gives no shorter one. */
const TOKEN_SECONDS = 600;

export class ServiceAccount {
  readonly namespace: string;
  readonly name: string;
  readonly #cluster: TestCluster;

  private constructor(cluster: TestCluster, namespace: string, name: string) {
    this.#cluster = cluster;
    this.namespace = namespace;
    this.name = name;
  }

  static async create(cluster: TestCluster, namespace: string, name: string): Promise<ServiceAccount> {
    const metadata = { name };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await cluster.admin.create(path, { apiVersion: "v1", kind: "ServiceAccount", metadata });
    return new ServiceAccount(cluster, namespace, name);
  }

  /** Lets the account do what the rules say in a namespace. */
  async allow(namespace: string, rules: readonly JsonObject[]): Promise<void> {
    const { admin } = this.#cluster;
    const path = `/apis/${RBAC}/v1/namespaces/${namespace}`;
    const metadata = { name: this.name };
    const apiVersion = `${RBAC}/v1`;
    await admin.create(`${path}/roles`, { apiVersion, kind: "Role", metadata, rules: [...rules] });
    await admin.create(`${path}/rolebindings`, {
      apiVersion,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: RBAC, kind: "Role", name: this.name },
      subjects: [{ kind: "ServiceAccount", name: this.name, namespace: this.namespace }],
    });
  }

  /** Asks for a token of ten minutes. */
  async token(): Promise<string> {
    const path = `/api/v1/namespaces/${this.namespace}/serviceaccounts/${this.name}/token`;
    const { body, status, text } = await this.#cluster.admin.create(path, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: TOKEN_SECONDS },
    });
    if (status !== 201) throw new Error(`There is no token of ${this.namespace}/${this.name}: ${text}`);
    return textIn(at(body.status, "token"));
  }

  /** Writes the files that a kubelet mounts into a pod. Called again, it puts a new token there. */
  async mount(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    const files = {
      "ca.crt": this.#cluster.access.ca,
      namespace: this.namespace,
      token: await this.token(),
    };
    for (const [name, text] of Object.entries(files)) {
      // Renamed into place: a reader finds the old file or the new one, whole.
      const draft = join(directory, `.${name}`);
      await writeFile(draft, text, { mode: 0o600 });
      await rename(draft, join(directory, name));
    }
  }
}
