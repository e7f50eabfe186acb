import { SiteName } from "../../../protocol/names.ts";
import { parseWith } from "../../../protocol/parse.ts";
import { parseDuration } from "../../config/duration.ts";
import { parsePortRange } from "../../config/kubernetes-options.ts";
import { command, flag, value, values } from "../framework/definition.ts";
import { accepting, oneOf, someText, wholeNumber } from "../framework/values.ts";
import { advise } from "./advice.ts";
import { parsePair, parseToleration } from "./pairs.ts";
import { readToken } from "./token-text.ts";

const onOff = oneOf("on", "off");
const names = (text: string): readonly string[] => text.split(",");

/** The namespace of an installation whose user names none. The manifest makes it. */
const NAMESPACE = "fairlead";

export const kubernetesManifest = command({
  path: ["kubernetes", "manifest"],
  summary: "Print the objects of a connector in a Kubernetes cluster, for kubectl apply.",
  details:
    "Standard output has YAML, or with --json a List; advice goes to standard error. The output has the text of the token. Apply it again with other options to change an installation, without --token once the site has joined. Without --namespace, everything is in the namespace fairlead, which the output makes. docs/kubernetes.md describes the objects and the rights; the Helm chart and the kustomize bases make the same ones.",
  options: {
    token: value(
      "--token <FILE>",
      "Token file to join with, for the Secret fairlead-token. `-` is standard input. Not needed where the Secret is there, or the site has joined.",
      someText,
    ),
    site: value(
      "--site <NAME>",
      "Name of the site. Not needed with a token of `site create`.",
      accepting(SiteName),
    ),
    replicas: value(
      "--replicas <N>",
      "Connectors of the site, which share its traffic. The default is 2.",
      wholeNumber(0, 100),
    ),
    namespace: value(
      "--namespace <NAMESPACE>",
      "Namespace of the connector, which must be there. The default is fairlead, which is made.",
      someText,
    ),
    createNamespace: flag("--create-namespace", "Make the namespace of --namespace."),
    clusterWide: flag(
      "--cluster-wide",
      "Read annotated objects and exports of all namespaces, with a ClusterRole. The default is the connector's namespace.",
    ),
    watchNamespaces: value(
      "--watch-namespaces <NAMESPACE,…>",
      "Namespaces whose annotated objects and exports are read. The default is the connector's own.",
      names,
    ),
    importNamespaces: value(
      "--import-namespaces <NAMESPACE,…|none>",
      "Namespaces in which a Service is made for each service of the network. The default is the connector's own.",
      names,
    ),
    ports: value(
      "--ports <FROM-TO>",
      "Ports of the pods at which these Services end, one for each port of a service. The default is 20000-29999.",
      parsePortRange,
    ),
    mcs: value(
      "--mcs <on|off>",
      "Serve the Multi-Cluster Services API, where the cluster has its definitions. The default is on.",
      onOff,
    ),
    events: value(
      "--events <on|off>",
      "Tell by Kubernetes Events what the connector does. The default is on.",
      onOff,
    ),
    skupperAnnotations: flag(
      "--skupper-annotations",
      "Understand the annotations skupper.io/proxy and its family too.",
    ),
    image: value(
      "--image <IMAGE>",
      "Image of the connector, at a registry that the cluster reaches. The default is fairlead with the version of this command.",
      someText,
    ),
    imagePullPolicy: value(
      "--image-pull-policy <POLICY>",
      "IfNotPresent (the default), Always or Never.",
      oneOf("IfNotPresent", "Always", "Never"),
    ),
    imagePullSecrets: values("--image-pull-secret <NAME>", "Secret for the image's registry.", someText),
    cpu: value("--cpu <QUANTITY>", "CPU that a pod requests. The default is 100m.", someText),
    memory: value("--memory <QUANTITY>", "Memory that a pod requests. The default is 256Mi.", someText),
    cpuLimit: value("--cpu-limit <QUANTITY>", "Most CPU of a pod. The default is no limit.", someText),
    memoryLimit: value("--memory-limit <QUANTITY>", "Most memory of a pod. The default is 512Mi.", someText),
    nodeSelector: values("--node-selector <KEY=VALUE>", "Label of the nodes for the pods.", parsePair),
    tolerations: values(
      "--toleration <KEY[=VALUE][:EFFECT]>",
      "Taint of nodes that the pods tolerate.",
      parseToleration,
    ),
    priorityClass: value("--priority-class <NAME>", "PriorityClass of the pods.", someText),
    labels: values("--label <KEY=VALUE>", "Label of the pods.", parsePair),
    annotations: values("--annotation <KEY=VALUE>", "Annotation of the pods.", parsePair),
    accountAnnotations: values(
      "--service-account-annotation <KEY=VALUE>",
      "Annotation of the ServiceAccount.",
      parsePair,
    ),
    networkPolicy: value(
      "--network-policy <on|off>",
      "Limit by a NetworkPolicy what reaches the pods, and what they reach. The default is on.",
      onOff,
    ),
    edgePorts: values(
      "--edge-port <PORT>",
      "Port of the edge, or of the proxy on the way to it, for the NetworkPolicy. The default is that of the token's addresses, or 443.",
      wholeNumber(1, 65_535),
    ),
    podDisruptionBudget: value(
      "--pod-disruption-budget <on|off>",
      "Have nodes drained one connector at a time. The default is on.",
      onOff,
    ),
    serviceMonitor: value(
      "--service-monitor <on|off>",
      "Have Prometheus read the metrics; needs the definitions of its operator. The default is off.",
      onOff,
    ),
    drain: value(
      "--drain <DURATION>",
      "Time that open connections may continue after a pod was told to end. The default is 30s.",
      parseDuration,
    ),
    openshift: flag(
      "--openshift",
      "Give the right to name pods' addresses in EndpointSlices, which OpenShift asks for.",
    ),
    name: value(
      "--name <NAME>",
      "First word of the names of all objects. A second connector in the namespace needs another. The default is fairlead.",
      someText,
    ),
    env: values(
      "--env <NAME=VALUE>",
      "Variable of the connector, such as HTTPS_PROXY=http://proxy:3128.",
      parsePair,
    ),
    extraArgs: values(
      "--connector-option <OPTION>",
      "Further option of `fairlead connector run`, such as --connector-option=--log-level=debug.",
      someText,
    ),
  },
  examples: [
    {
      command:
        "fairlead kubernetes manifest --token token.yaml --site west --image registry.example/fairlead:0.1.0 | kubectl apply -f -",
      says: "Installs the site west in the namespace fairlead of the current cluster.",
    },
    {
      command: "fairlead kubernetes manifest --token - --site west --namespace shop | kubectl apply -f -",
      says: "Installs it in the namespace shop, with a token from standard input.",
    },
    {
      command: "fairlead kubernetes manifest --token token.yaml --site west --cluster-wide --replicas 3",
      says: "Prints what three connectors need that serve the annotated objects of all namespaces.",
    },
    {
      command:
        "fairlead kubernetes manifest --namespace shop --cpu 500m --memory-limit 1Gi --node-selector pool=edge --toleration dedicated=edge:NoSchedule",
      says: "Prints the same for larger pods on certain nodes, without a token: the site has joined.",
    },
  ],
  async run(context, input) {
    const [
      { manifestOf, namespaceObject },
      { NamespaceName, Values },
      { printDocuments },
      { withoutComments },
    ] = await Promise.all([
      import("../../kubernetes/manifest/manifest.ts"),
      import("../../kubernetes/manifest/values.ts"),
      import("../../kubernetes/manifest/print.ts"),
      import("../../kubernetes/manifest/evaluate.ts"),
    ]);
    const token = input.token === undefined ? undefined : await readToken(context.io, input.token);
    const edgePorts = input.edgePorts.length > 0 ? input.edgePorts : token?.ports;
    const given = {
      name: input.name,
      site: input.site,
      token: token?.text,
      image: input.image,
      imagePullPolicy: input.imagePullPolicy,
      imagePullSecrets: input.imagePullSecrets.map((name) => ({ name })),
      replicas: input.replicas,
      clusterWide: input.clusterWide,
      watchNamespaces: input.watchNamespaces,
      importServices: input.importNamespaces?.join() !== "none",
      importNamespaces: input.importNamespaces?.join() === "none" ? undefined : input.importNamespaces,
      listenerPorts: input.ports,
      multiClusterServices: input.mcs !== "off",
      events: input.events !== "off",
      skupperAnnotations: input.skupperAnnotations,
      openshift: input.openshift,
      extraArgs: input.extraArgs,
      extraEnv: input.env.map(([name, value]) => ({ name, value })),
      drainSeconds: input.drain,
      resources: {
        requests: { cpu: input.cpu, memory: input.memory },
        limits: {
          memory: input.memoryLimit,
          ...(input.cpuLimit === undefined ? {} : { cpu: input.cpuLimit }),
        },
      },
      nodeSelector: Object.fromEntries(input.nodeSelector),
      tolerations: input.tolerations,
      priorityClassName: input.priorityClass,
      podLabels: Object.fromEntries(input.labels),
      podAnnotations: Object.fromEntries(input.annotations),
      serviceAccount: { annotations: Object.fromEntries(input.accountAnnotations) },
      networkPolicy: { enabled: input.networkPolicy !== "off", edgePorts },
      podDisruptionBudget: { enabled: input.podDisruptionBudget !== "off" },
      serviceMonitor: { enabled: input.serviceMonitor === "on" },
    };
    const what = "The options do not describe an installation";
    const installation = parseWith(Values, given, { code: "request.invalid", what });
    const namespace = accepting(NamespaceName)(input.namespace ?? NAMESPACE);
    const isMade = input.namespace === undefined || input.createNamespace;
    const objects = [...(isMade ? [namespaceObject(namespace)] : []), ...manifestOf(installation, namespace)];
    const list = { apiVersion: "v1", kind: "List", items: objects.map(withoutComments) };
    context.answer(list, (out) => {
      out.raw(printDocuments(objects));
      advise(context, {
        namespace,
        name: installation.name,
        hasImage: input.image !== undefined,
        isAlone: !installation.clusterWide && installation.watchNamespaces.length === 0,
        expires: token?.expires,
      });
    });
  },
});
