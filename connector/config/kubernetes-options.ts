/**
 * Options of a connector in a Kubernetes cluster, and their forms:
 *
 *     --kubernetes    --kubeconfig ./cluster.yaml    --kubernetes-context shop
 *     --kubernetes-watch shop,billing    --kubernetes-watch all    --kubernetes-import none
 *     --kubernetes-ports 20000-29999
 */
import { FairleadError } from "../../protocol/errors.ts";

/** Listener ports of the services of a cluster. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** What one source says of the cluster. Undefined: the source does not say. */
export interface KubernetesSource {
  /** True to use the cluster that the connector is a pod of. */
  readonly inPod?: boolean | undefined;
  readonly kubeconfig?: string | undefined;
  /** Context of the kubeconfig. */
  readonly context?: string | undefined;
  /** Namespace of the connector's own objects. */
  readonly namespace?: string | undefined;
  /** Namespaces whose objects may be exported; null for all. */
  readonly watch?: readonly string[] | null | undefined;
  /** Namespaces in which Services are made. */
  readonly import?: readonly string[] | undefined;
  readonly events?: boolean | undefined;
  readonly mcs?: boolean | undefined;
  readonly skupperAnnotations?: boolean | undefined;
  /** First word of the names of the connector's own objects. */
  readonly name?: string | undefined;
  readonly ports?: PortRange | undefined;
}

/** How a connector works in a cluster. */
export interface KubernetesConfig {
  /** Undefined in a pod. */
  readonly kubeconfig: string | undefined;
  /** Undefined for the kubeconfig's current one. */
  readonly context: string | undefined;
  /** Undefined for that of the pod or of the context. */
  readonly namespace: string | undefined;
  /** Null for all namespaces; undefined for the connector's own. */
  readonly watch: readonly string[] | null | undefined;
  /** Empty for none; undefined for the connector's own. */
  readonly import: readonly string[] | undefined;
  readonly events: boolean;
  readonly mcs: boolean;
  readonly skupperAnnotations: boolean;
  readonly name: string;
  readonly ports: PortRange;
}

export const DEFAULT_KUBERNETES_NAME = "fairlead";
export const DEFAULT_PORTS: PortRange = { from: 20_000, to: 29_999 };

/** A namespace, or the first part of a name. The longest name that is made has 13 characters more. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_NAME = 40;
/** Ports below need a right that a pod does not have. */
const FIRST_PORT = 1024;
const LAST_PORT = 65_535;

/** Namespaces of `--kubernetes-watch`; null for all. @throws FairleadError `request.invalid` */
export const parseWatch = (text: string): readonly string[] | null =>
  text === "all" ? null : parseNamespaces(text);

/** Namespaces of `--kubernetes-import`; empty for none. @throws FairleadError `request.invalid` */
export const parseImport = (text: string): readonly string[] =>
  text === "none" ? [] : parseNamespaces(text);

function parseNamespaces(text: string): readonly string[] {
  return [...new Set(text.split(",").map((each) => parseNamespace(each.trim())))];
}

/** @throws FairleadError `request.invalid` */
export function parseNamespace(text: string): string {
  if (LABEL.test(text)) return text;
  throw invalid(`"${text}" is not the name of a namespace.`);
}

/** @throws FairleadError `request.invalid` */
export function parseKubernetesName(text: string): string {
  if (LABEL.test(text) && text.length <= MAX_NAME) return text;
  throw invalid(`"${text}" is not a name of 1 to ${MAX_NAME} of a-z, 0-9 and "-".`);
}

/** @throws FairleadError `request.invalid` */
export function parsePortRange(text: string): PortRange {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const range = { from: Number(first), to: Number(last) };
  if (range.from >= FIRST_PORT && range.from < range.to && range.to <= LAST_PORT) return range;
  throw invalid(`"${text}": the form is FROM-TO, with ports from ${FIRST_PORT} to ${LAST_PORT}.`);
}

/** The text that {@link parsePortRange} parses. */
export const formatPortRange = ({ from, to }: PortRange): string => `${from}-${to}`;

/** @throws FairleadError `request.invalid` */
export function parseSwitch(text: string): boolean {
  if (text === "on" || text === "off") return text === "on";
  throw invalid(`"${text}" is neither on nor off.`);
}

/**
 * Merges the command's options over its file. A cluster that an option names replaces that of the file. Undefined without
 * a cluster.
 * @throws FairleadError `request.invalid` for two clusters, or for settings without one
 */
export function mergeKubernetes(
  file: KubernetesSource = {},
  options: KubernetesSource = {},
): KubernetesConfig | undefined {
  for (const { inPod, kubeconfig } of [options, file]) {
    if (inPod && kubeconfig !== undefined) {
      throw invalid("--kubernetes and --kubeconfig name two clusters; give one of them.");
    }
  }
  const cluster = namesCluster(options) ? options : file;
  const context = options.context ?? cluster.context;
  const all = {
    namespace: options.namespace ?? file.namespace,
    watch: options.watch !== undefined ? options.watch : file.watch,
    import: options.import ?? file.import,
    events: options.events ?? file.events,
    mcs: options.mcs ?? file.mcs,
    skupperAnnotations: options.skupperAnnotations ?? file.skupperAnnotations,
    name: options.name ?? file.name,
    ports: options.ports ?? file.ports,
  };
  if (!namesCluster(cluster)) {
    if ([context, ...Object.values(all)].every((value) => value === undefined)) return undefined;
    throw invalid(
      "There are settings for a Kubernetes cluster, and no cluster. Add --kubernetes in a pod, or --kubeconfig FILE.",
    );
  }
  if (cluster.inPod && context !== undefined) {
    throw invalid("--kubernetes-context is for a kubeconfig; a pod has the cluster that it runs in.");
  }
  return {
    ...all,
    kubeconfig: cluster.kubeconfig,
    context,
    events: all.events ?? true,
    mcs: all.mcs ?? true,
    skupperAnnotations: all.skupperAnnotations ?? false,
    name: all.name ?? DEFAULT_KUBERNETES_NAME,
    ports: all.ports ?? DEFAULT_PORTS,
  };
}

const namesCluster = ({ inPod, kubeconfig }: KubernetesSource): boolean =>
  inPod === true || kubeconfig !== undefined;

const invalid = (message: string) => new FairleadError("request.invalid", message);
