/** Where a connector finds its API server: around its pod, or in a kubeconfig. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FairleadError } from "../../../protocol/errors.ts";
import { formatAddress } from "../../net/local-socket.ts";
import { AccountToken } from "./account-token.ts";
import type { TokenSource } from "./api-client.ts";
import type { ApiAddress } from "./connect.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import { RotatedFile } from "./rotated-file.ts";

/** Where the kubelet puts token, certificates and namespace of a pod's ServiceAccount. */
const ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Variable that names another directory, for clusters that mount it elsewhere. */
export const ACCOUNT_DIRECTORY_VARIABLE = "FAIRLEAD_SERVICE_ACCOUNT_DIR";

/** An API server, and as whom it is asked. */
export interface ApiLocation {
  readonly address: ApiAddress;
  readonly tokens: TokenSource;
  /** The namespace of the pod, or of the kubeconfig's context. */
  readonly namespace: string | undefined;
}

export interface LocationOptions {
  /** A kubeconfig; undefined in a pod. */
  readonly kubeconfig?: string | undefined;
  /** The kubeconfig's context; its current one unless given. */
  readonly context?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A clock that never goes back, ms. */
  readonly now: () => number;
}

/** @throws FairleadError kubernetes.not_in_cluster, kubernetes.kubeconfig_invalid, file.unreadable */
export async function locateApi(options: LocationOptions): Promise<ApiLocation> {
  const { kubeconfig, context, now } = options;
  if (kubeconfig !== undefined) return await readKubeconfig(kubeconfig, { context, now });
  return await locateAroundPod(options);
}

async function locateAroundPod({ environment, now }: LocationOptions): Promise<ApiLocation> {
  const {
    KUBERNETES_SERVICE_HOST: host = "",
    KUBERNETES_SERVICE_PORT: port = "",
    POD_NAMESPACE,
  } = environment;
  if (host === "" || port === "") {
    throw new FairleadError(
      "kubernetes.not_in_cluster",
      "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is not a pod of a cluster.",
    );
  }
  const directory = environment[ACCOUNT_DIRECTORY_VARIABLE] ?? ACCOUNT_DIRECTORY;
  const token = new AccountToken(join(directory, "token"), now);
  const ca = new RotatedFile(join(directory, "ca.crt"), now);
  try {
    await Promise.all([token.token(), ca.text()]);
  } catch (error) {
    throw new FairleadError(
      "kubernetes.not_in_cluster",
      `The token of the pod's ServiceAccount cannot be read in ${directory}.`,
      {
        action: "Set automountServiceAccountToken of the pod to true, and give it a ServiceAccount.",
        cause: error,
      },
    );
  }
  return {
    address: { url: `https://${formatAddress(host, Number(port))}`, ca },
    tokens: token,
    namespace: POD_NAMESPACE ?? (await namespaceIn(directory)),
  };
}

const namespaceIn = async (directory: string): Promise<string | undefined> =>
  await readFile(join(directory, "namespace"), "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
