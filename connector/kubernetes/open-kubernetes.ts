/** Opens the cluster that the options of a connector name, with the controllers in it. */
import { hostname } from "node:os";
import type { KubernetesConfig } from "../config/kubernetes-options.ts";
import type { Log } from "../log.ts";
import { addressTowards } from "./api/address-towards.ts";
import { type ApiLocation, locateApi } from "./api/location.ts";
import type { OwnPod } from "./cluster/cluster.ts";
import { OpenCluster } from "./cluster/open-cluster.ts";
import type { ConnectorSide } from "./controller.ts";
import { CONTROLLERS } from "./controllers.ts";
import { importController } from "./import-controller.ts";
import { KubernetesController } from "./kubernetes-controller.ts";

export interface OpenKubernetesOptions {
  readonly connector: ConnectorSide;
  readonly siteId: string;
  readonly siteName: () => string;
  readonly boot: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/** The namespace where neither options nor cluster name one. */
const DEFAULT_NAMESPACE = "default";

/** @throws FairleadError kubernetes.not_in_cluster, kubernetes.kubeconfig_invalid, file.unreadable */
export async function openKubernetes(options: OpenKubernetesOptions): Promise<KubernetesController> {
  const { connector, siteId, siteName, boot, environment, log } = options;
  const { config } = connector;
  const location = await locateCluster(config, environment);
  const namespace = namespaceOf(config, location);
  const cluster = new OpenCluster({
    ...{ location, namespace, siteId, siteName, boot, log },
    watched: config.watch === undefined ? [namespace] : config.watch,
    imports: config.import ?? [namespace],
    name: config.name,
    pod: await ownPod(config, environment, location),
    recordsEvents: config.events,
  });
  const imports = importController(cluster, connector);
  const others = CONTROLLERS.map((make) => make(cluster, connector, imports));
  return new KubernetesController(cluster, [imports, ...others], () => imports.notReady());
}

/** Where the API server of the configured cluster is. @throws as {@link openKubernetes} */
export async function locateCluster(
  { kubeconfig, context }: KubernetesConfig,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ApiLocation> {
  return await locateApi({ kubeconfig, context, environment, now: () => performance.now() });
}

/** The namespace of the connector's own objects. */
export const namespaceOf = (config: KubernetesConfig, location: ApiLocation): string =>
  config.namespace ?? location.namespace ?? DEFAULT_NAMESPACE;

/** The names that the manifest's downward API gives a pod. A process outside of the cluster may have them too. */
async function ownPod(
  { kubeconfig }: KubernetesConfig,
  { POD_NAME, POD_IP }: Readonly<Record<string, string | undefined>>,
  { address }: ApiLocation,
): Promise<OwnPod> {
  return {
    name: POD_NAME || hostname(),
    address: POD_IP || (await addressTowards(new URL(address.url))),
    inCluster: kubeconfig === undefined,
  };
}
