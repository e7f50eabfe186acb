/**
 * The values of an installation: the options of `fairlead kubernetes manifest`, and the values of the Helm chart. Each
 * description is the comment that values.yaml has.
 */
import * as z from "zod";
import { SiteName } from "../../../protocol/names.ts";
import { DEFAULT_KUBERNETES_NAME, DEFAULT_PORTS } from "../../config/kubernetes-options.ts";

/** Labels by which the Deployment finds its pods. They never change: a Deployment's selector cannot be changed. */
export const SELECTOR_LABELS = [
  "app.kubernetes.io/name",
  "app.kubernetes.io/component",
  "app.kubernetes.io/instance",
] as const;

const isSelectorLabel = (key: string) => SELECTOR_LABELS.some((each) => each === key);

const Texts = z.record(z.string(), z.string());
/** A part of a pod's specification, as Kubernetes writes it. The API server checks it. */
const Part = z.record(z.string(), z.unknown());
export const NamespaceName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a namespace has 1 to 63 of a-z, 0-9 and '-'");
const Quantity = z
  .string()
  .regex(/^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/, "the form is that of 100m, 2 or 512Mi");

/** A port that a process without rights can listen at. */
const Port = z.int().min(1024).max(65_535);

const PodLabels = Texts.refine((labels) => !Object.keys(labels).some(isSelectorLabel), {
  message: `the labels ${SELECTOR_LABELS.join(", ")} are the Deployment's own`,
}).meta({ propertyNames: { not: { enum: SELECTOR_LABELS } } });

/** What the schema of JSON says of it, since it knows no refinements. */
const CLUSTER_WIDE_IS_ALL = {
  if: { properties: { clusterWide: { const: true } }, required: ["clusterWide"] },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: { properties: { watchNamespaces: { maxItems: 0 } } },
};

const Fields = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, "a name has 1 to 40 of a-z, 0-9 and '-', with a letter first")
    .default(DEFAULT_KUBERNETES_NAME)
    .describe("First word of the names of all objects. A second connector in the namespace needs another."),
  site: z
    .union([SiteName, z.literal("")])
    .default("")
    .describe("Name of the site. Not needed with a token of `fairlead site create`."),
  token: z
    .string()
    .default("")
    .describe(
      "Text of a token file, for the first start: --set-file token=token.yaml. Empty: the Secret NAME-token is used, with the key token.yaml, if there is one.",
    ),
  image: z
    .string()
    .default("")
    .describe(
      "Image of the connector, built from connector/Dockerfile and pushed to a registry that the cluster reaches. Empty: fairlead with this version, which no registry has.",
    ),
  imagePullPolicy: z
    .enum(["IfNotPresent", "Always", "Never"])
    .default("IfNotPresent")
    .describe("When nodes pull the image: IfNotPresent, Always or Never."),
  imagePullSecrets: z
    .array(z.strictObject({ name: z.string() }))
    .default([])
    .describe("Secrets for the image's registry, such as [{ name: registry }]."),
  replicas: z.int().min(0).max(100).default(2).describe("Connectors of the site, which share its traffic."),
  clusterWide: z
    .boolean()
    .default(false)
    .describe("Read annotated objects and exports of all namespaces. Needs a ClusterRole."),
  watchNamespaces: z
    .array(NamespaceName)
    .default([])
    .describe("Namespaces whose annotated objects and exports are read. Empty: that of the release."),
  importServices: z
    .boolean()
    .default(true)
    .describe("Make a Service for each service that other sites offer."),
  importNamespaces: z
    .array(NamespaceName)
    .default([])
    .describe("Namespaces in which these Services are made. Empty: that of the release."),
  listenerPorts: z
    .strictObject({ from: Port.default(DEFAULT_PORTS.from), to: Port.default(DEFAULT_PORTS.to) })
    .prefault({})
    .describe("Ports of the pods at which these Services end, one for each port of a service."),
  multiClusterServices: z
    .boolean()
    .default(true)
    .describe("Serve the Multi-Cluster Services API, where the cluster has its definitions."),
  events: z.boolean().default(true).describe("Tell by Kubernetes Events what the connector does."),
  skupperAnnotations: z
    .boolean()
    .default(false)
    .describe("Understand the annotations skupper.io/proxy and its family too."),
  openshift: z
    .boolean()
    .default(false)
    .describe("Give the right to name pods' addresses in EndpointSlices, which OpenShift asks for."),
  extraArgs: z
    .array(z.string())
    .default([])
    .describe("Further options of `fairlead connector run`, such as [--log-level=debug]."),
  extraEnv: z
    .array(z.looseObject({ name: z.string() }))
    .default([])
    .describe(
      "Further variables of the connector, such as [{ name: HTTPS_PROXY, value: http://proxy:3128 }].",
    ),
  drainSeconds: z
    .int()
    .min(0)
    .max(3600)
    .default(30)
    .describe("Seconds that open connections may continue after a pod was told to end."),
  resources: z
    .looseObject({
      requests: z
        .looseObject({ cpu: Quantity.default("100m"), memory: Quantity.default("256Mi") })
        .prefault({}),
      limits: z.looseObject({ memory: Quantity.default("512Mi") }).prefault({}),
    })
    .prefault({})
    .describe("CPU and memory of a connector. It may hold a quarter of its memory for other sites."),
  nodeSelector: Texts.default({}).describe("Labels of the nodes for the pods."),
  tolerations: z.array(Part).default([]).describe("Taints of nodes that the pods tolerate."),
  affinity: Part.default({}).describe("Affinity of the pods. Empty: they prefer different nodes."),
  priorityClassName: z.string().default("").describe("PriorityClass of the pods."),
  podLabels: PodLabels.default({}).describe("Further labels of the pods."),
  podAnnotations: Texts.default({}).describe("Annotations of the pods."),
  serviceAccount: z
    .strictObject({ annotations: Texts.default({}).describe("Annotations of the ServiceAccount.") })
    .prefault({})
    .describe("The account of the connector."),
  networkPolicy: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe(
          "Limit what reaches the pods, and what they reach: pods, DNS, the API server and the edge.",
        ),
      edgePorts: z
        .array(z.int().min(1).max(65535))
        .min(1)
        .default([443])
        .describe("Ports of the edge, or of the proxy on the way to it."),
      egress: z
        .array(Part)
        .default([])
        .describe("Further rules of egress, as for targets outside of the cluster."),
    })
    .prefault({})
    .describe("The NetworkPolicy of the pods."),
  podDisruptionBudget: z
    .strictObject({
      enabled: z.boolean().default(true).describe("Have nodes drained one connector at a time."),
    })
    .prefault({})
    .describe("The PodDisruptionBudget of the pods."),
  serviceMonitor: z
    .strictObject({
      enabled: z.boolean().default(false).describe("Needs the definitions of the Prometheus operator."),
    })
    .prefault({})
    .describe("The ServiceMonitor, by which Prometheus finds the metrics."),
});

export const Values = Fields.refine((values) => !values.clusterWide || values.watchNamespaces.length === 0, {
  message: "choose all namespaces or certain ones, not both",
  path: ["watchNamespaces"],
}).meta(CLUSTER_WIDE_IS_ALL);
export type Values = z.infer<typeof Values>;

/** The values of an installation whose user gives none. */
export const DEFAULTS: Values = Values.parse({});
