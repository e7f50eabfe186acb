/** A kubeconfig: the server, and the credentials, of one of its contexts. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { AccountToken, fixedToken } from "./account-token.ts";
import type { TokenSource } from "./api-client.ts";
import type { ApiAddress } from "./connect.ts";
import type { ApiLocation } from "./location.ts";
import { RotatedFile, type TextSource } from "./rotated-file.ts";

const text = z.string().nullish();
const Cluster = z.looseObject({
  server: z.url({ protocol: /^https$/, error: "must be an https:// URL" }),
  "certificate-authority": text,
  "certificate-authority-data": text,
  "insecure-skip-tls-verify": z.boolean().nullish(),
  "tls-server-name": text,
  "proxy-url": text,
});
const User = z.looseObject({
  token: text,
  tokenFile: text,
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
});
const Context = z.looseObject({ cluster: z.string(), user: z.string(), namespace: text });
const Kubeconfig = z.looseObject({
  "current-context": text,
  clusters: z.array(z.looseObject({ name: z.string(), cluster: z.unknown() })).nullish(),
  users: z.array(z.looseObject({ name: z.string(), user: z.unknown() })).nullish(),
  contexts: z.array(z.looseObject({ name: z.string(), context: z.unknown() })).nullish(),
});

/** Ways of kubectl to identify a user that the connector does not have. */
const REFUSED_USER_FIELDS = ["exec", "auth-provider", "username", "as"] as const;

export interface KubeconfigOptions {
  /** The file's current context unless given. */
  readonly context?: string | undefined;
  /** A clock that never goes back, ms. */
  readonly now: () => number;
}

/** @throws FairleadError kubernetes.kubeconfig_invalid, file.unreadable */
export async function readKubeconfig(path: string, options: KubeconfigOptions): Promise<ApiLocation> {
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch (error) {
    throw new FairleadError("file.unreadable", `The kubeconfig ${path} cannot be read.`, { cause: error });
  }
  const { parse } = await import("../../config/yaml-document.ts");
  return new KubeconfigReader(path, options).read(parse, content);
}

class KubeconfigReader {
  readonly #path: string;
  readonly #options: KubeconfigOptions;

  constructor(path: string, options: KubeconfigOptions) {
    this.#path = path;
    this.#options = options;
  }

  read(parse: (text: string) => unknown, content: string): ApiLocation {
    let document: unknown;
    try {
      document = parse(content);
    } catch (error) {
      throw this.#invalid(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
    }
    const config = this.#check(Kubeconfig, document, "The file");
    const name = this.#options.context ?? config["current-context"] ?? "";
    if (name === "") throw this.#invalid("It has no current context; name one with --kubernetes-context.");
    const context = this.#find(Context, "context", name, config.contexts);
    const cluster = this.#find(Cluster, "cluster", context.cluster, config.clusters);
    const user = this.#find(User, "user", context.user, config.users);
    return {
      address: this.#address(context.cluster, cluster, context.user, user),
      tokens: this.#tokens(user),
      namespace: context.namespace ?? undefined,
    };
  }

  #address(
    clusterName: string,
    cluster: z.infer<typeof Cluster>,
    userName: string,
    user: z.infer<typeof User>,
  ): ApiAddress {
    if (filled(cluster["proxy-url"])) {
      throw this.#invalid(`The cluster "${clusterName}" has a proxy-url, which the connector does not use.`);
    }
    for (const field of REFUSED_USER_FIELDS) {
      if (user[field] === undefined || user[field] === null) continue;
      throw new FairleadError(
        "kubernetes.kubeconfig_invalid",
        `${this.#path}: the user "${userName}" has "${field}", which the connector does not use.`,
        {
          action:
            "Give the user a token, a tokenFile or a client certificate; `kubectl create token ACCOUNT` makes a token of a ServiceAccount.",
        },
      );
    }
    const certificate = this.#pem(user["client-certificate-data"], user["client-certificate"]);
    const key = this.#pem(user["client-key-data"], user["client-key"]);
    if ((certificate === undefined) !== (key === undefined)) {
      throw this.#invalid(`The user "${userName}" has a client certificate without its key, or the reverse.`);
    }
    return {
      url: cluster.server.replace(/\/+$/, ""),
      ca: this.#pem(cluster["certificate-authority-data"], cluster["certificate-authority"]),
      serverName: cluster["tls-server-name"] ?? undefined,
      trustsAny: cluster["insecure-skip-tls-verify"] ?? false,
      client: certificate === undefined || key === undefined ? undefined : { certificate, key },
    };
  }

  #tokens({ token, tokenFile }: z.infer<typeof User>): TokenSource {
    if (filled(tokenFile)) return new AccountToken(this.#resolve(tokenFile), this.#options.now);
    return fixedToken(filled(token) ? token : null);
  }

  /** Data in the file come before another file, as kubectl reads them. */
  #pem(data: string | null | undefined, file: string | null | undefined): TextSource | undefined {
    if (filled(data)) return Buffer.from(data, "base64").toString("utf8");
    return filled(file) ? new RotatedFile(this.#resolve(file), this.#options.now) : undefined;
  }

  /** Paths are relative to the kubeconfig. */
  #resolve(path: string): string {
    return resolve(dirname(this.#path), path);
  }

  #find<T>(
    schema: z.ZodType<T>,
    key: "context" | "cluster" | "user",
    name: string,
    list: readonly Readonly<Record<string, unknown>>[] | null | undefined,
  ): T {
    const found = list?.find((each) => each.name === name);
    if (found === undefined) throw this.#invalid(`It has no ${key} "${name}".`);
    return this.#check(schema, found[key] ?? {}, `The ${key} "${name}"`);
  }

  #check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
    const read = schema.safeParse(value);
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
    throw this.#invalid(`${what} has a mistake: ${where}${issue?.message ?? "it cannot be read"}.`);
  }

  #invalid(why: string): FairleadError {
    return new FairleadError("kubernetes.kubeconfig_invalid", `${this.#path}: ${why}`);
  }
}

const filled = (value: string | null | undefined): value is string =>
  value !== undefined && value !== null && value !== "";
