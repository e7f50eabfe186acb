/** The Deployment of the connectors. */
import type { Deployment } from "kubernetes-types/apps/v1";
import type { Affinity, Container, EnvVar, PodSpec, Probe } from "kubernetes-types/core/v1";
import { CONNECTOR, LABELS, PORTS, SELECTOR, TOKEN } from "./names.ts";
import {
  each,
  type ItemTemplate,
  item,
  joined,
  namespace,
  not,
  optional,
  orVersioned,
  plus,
  SPLICE,
  splice,
  type Template,
  text,
  value,
  when,
} from "./template.ts";

/** Seconds of a pod's end beside those that its connections have: for leaving the endpoints, and for closing. */
const GRACE_SECONDS = 15;

const STATE_PATH = "/state";
const TOKEN_PATH = "/token";
export const TOKEN_KEY = "token.yaml";

/** What the image's command `fairlead connector run --state /state` is given. */
const args: readonly ItemTemplate<string>[] = [
  "--kubernetes",
  text`--kubernetes-name=${value("name")}`,
  when(value("site"), text`--site=${value("site")}`),
  `--token=${TOKEN_PATH}/${TOKEN_KEY}`,
  when(
    value("clusterWide"),
    "--kubernetes-watch=all",
    when(value("watchNamespaces"), text`--kubernetes-watch=${joined(value("watchNamespaces"))}`),
  ),
  when(
    value("importServices"),
    when(value("importNamespaces"), text`--kubernetes-import=${joined(value("importNamespaces"))}`),
    "--kubernetes-import=none",
  ),
  text`--kubernetes-ports=${value("listenerPorts.from")}-${value("listenerPorts.to")}`,
  when(not(value("multiClusterServices")), "--kubernetes-mcs=off"),
  when(not(value("events")), "--kubernetes-events=off"),
  when(value("skupperAnnotations"), "--skupper-annotations"),
  `--dns=0.0.0.0:${PORTS.dns}`,
  `--metrics=*:${PORTS.metrics}`,
  text`--drain=${value("drainSeconds")}s`,
  "--json",
  each(value("extraArgs"), item()),
];

const env: readonly ItemTemplate<EnvVar>[] = [
  { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
  { name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
  { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
  splice("extraEnv"),
];

const probe = (path: string, periodSeconds: number, failureThreshold: number): Template<Probe> => ({
  httpGet: { path, port: "metrics" },
  periodSeconds,
  timeoutSeconds: 5,
  failureThreshold,
});

/** Nodes first, then zones: losing one should not take all connectors. */
const affinity: Template<Affinity> = {
  podAntiAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        podAffinityTerm: { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: SELECTOR } },
      },
      {
        weight: 50,
        podAffinityTerm: {
          topologyKey: "topology.kubernetes.io/zone",
          labelSelector: { matchLabels: SELECTOR },
        },
      },
    ],
  },
};

const container: Template<Container> = {
  name: "connector",
  image: orVersioned(value("image"), "fairlead"),
  imagePullPolicy: value("imagePullPolicy"),
  args,
  env,
  ports: [
    { name: "metrics", containerPort: PORTS.metrics },
    { name: "dns", containerPort: PORTS.dns, protocol: "UDP" },
    { name: "dns-tcp", containerPort: PORTS.dns },
  ],
  // Joining waits for the edge and for the API server, for five minutes.
  startupProbe: probe("/healthz", 2, 150),
  livenessProbe: probe("/healthz", 10, 6),
  readinessProbe: probe("/readyz", 2, 2),
  resources: value("resources"),
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  },
  volumeMounts: [
    { name: "state", mountPath: STATE_PATH },
    { name: "tmp", mountPath: "/tmp" },
    { name: "token", mountPath: TOKEN_PATH, readOnly: true },
  ],
};

const pod: Template<PodSpec> = {
  serviceAccountName: CONNECTOR,
  automountServiceAccountToken: true,
  // Hundreds of Services in the namespace would be thousands of variables.
  enableServiceLinks: false,
  imagePullSecrets: optional("imagePullSecrets"),
  terminationGracePeriodSeconds: plus(value("drainSeconds"), GRACE_SECONDS),
  priorityClassName: optional("priorityClassName"),
  nodeSelector: optional("nodeSelector"),
  tolerations: optional("tolerations"),
  affinity: when(value("affinity"), value("affinity"), affinity),
  // Without a user of its own: the image's user is 1000, and OpenShift chooses another one.
  securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  containers: [container],
  volumes: [
    { name: "state", emptyDir: {} },
    { name: "tmp", emptyDir: {} },
    { name: "token", secret: { secretName: TOKEN, optional: true } },
  ],
};

export const deployment: Template<Deployment> = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: CONNECTOR, namespace, labels: LABELS },
  spec: {
    replicas: value("replicas"),
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    selector: { matchLabels: SELECTOR },
    template: {
      metadata: {
        labels: { ...LABELS, [SPLICE]: splice("podLabels") },
        annotations: optional("podAnnotations"),
      },
      spec: pod,
    },
  },
};
