/** The account of a site's connectors with its roles, and the directory in which a pod finds its token. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connectorName } from "../../../../connector/kubernetes/cluster/names.ts";
import { withoutComments } from "../../../../connector/kubernetes/manifest/evaluate.ts";
import { FILES, manifestFile } from "../../../../connector/kubernetes/manifest/manifest.ts";
import { Values } from "../../../../connector/kubernetes/manifest/values.ts";
import { at, isObject, type JsonObject, textIn } from "../json.ts";
import type { TestCluster } from "../test-cluster.ts";

/** Where a site reads and writes. */
export interface Scope {
  /** Namespaces whose objects are exported. The default is the site's own. */
  readonly watch?: readonly string[] | "all";
  /** Namespaces in which Services are made. The default is the site's own. */
  readonly import?: readonly string[] | "none";
}

/** Lifetime of a token, s. A server gives no shorter one. */
const TOKEN_SECONDS = 600;

export class ServiceAccount {
  readonly #cluster: TestCluster;
  readonly #namespace: string;
  /** Paths of what was made outside of any namespace. */
  readonly #clusterWide = new Set<string>();

  constructor(cluster: TestCluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  /** Makes the account with the roles that an installation has, and no others. */
  async install(scope: Scope): Promise<void> {
    const values = Values.parse({
      clusterWide: scope.watch === "all",
      watchNamespaces: scope.watch === "all" ? [] : (scope.watch ?? []),
      importServices: scope.import !== "none",
      importNamespaces: scope.import === "none" ? [] : (scope.import ?? []),
    });
    const files = Object.keys(FILES).filter((file) => /^(serviceaccount|role)/.test(file));
    for (const filled of files.flatMap((file) => manifestFile(file, values, this.#namespace))) {
      const object: unknown = withoutComments(filled);
      if (isObject(object)) await this.#apply(object);
    }
  }

  /** Asks for a token of ten minutes. */
  async token(): Promise<string> {
    const account = connectorName("fairlead");
    const path = `/api/v1/namespaces/${this.#namespace}/serviceaccounts/${account}/token`;
    const { body, status, text } = await this.#cluster.admin.create(path, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: TOKEN_SECONDS },
    });
    if (status !== 201) throw new Error(`There is no token of ${this.#namespace}/${account}: ${text}`);
    return textIn(at(body.status, "token"));
  }

  /** Writes the files that a kubelet mounts into a pod. Called again, it puts a new token there. */
  async mount(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    const files = {
      "ca.crt": this.#cluster.access.ca,
      namespace: this.#namespace,
      token: await this.token(),
    };
    for (const [name, text] of Object.entries(files)) {
      // Renamed into place: a reader finds the old file or the new one, whole.
      const draft = join(directory, `.${name}`);
      await writeFile(draft, text, { mode: 0o600 });
      await rename(draft, join(directory, name));
    }
  }

  /** Deletes what ends with no namespace. */
  async remove(): Promise<void> {
    for (const path of this.#clusterWide) await this.#cluster.admin.delete(path);
  }

  async #apply(object: JsonObject): Promise<void> {
    const [apiVersion, kind] = [textIn(object.apiVersion), textIn(object.kind)];
    const namespace = textIn(at(object, "metadata", "namespace"));
    const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
    const collection = namespace === "" ? root : `${root}/namespaces/${namespace}`;
    const path = `${collection}/${kind.toLowerCase()}s/${textIn(at(object, "metadata", "name"))}`;
    const { status, text } = await this.#cluster.admin.apply(path, "tests", object, true);
    if (status > 201) throw new Error(`${path} was not made: ${text}`);
    if (namespace === "") this.#clusterWide.add(path);
  }
}
