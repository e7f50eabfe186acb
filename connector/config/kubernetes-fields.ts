/** The field `kubernetes` of the configuration file. */
import * as z from "zod";
import { parsed } from "./file-field.ts";
import {
  DEFAULT_KUBERNETES_NAME,
  DEFAULT_PORTS,
  formatPortRange,
  type KubernetesSource,
  parseImport,
  parseKubernetesName,
  parseNamespace,
  parsePortRange,
  parseSwitch,
  parseWatch,
} from "./kubernetes-options.ts";

const NAME = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const NAMES = `${NAME}(,${NAME})*`;
const SWITCH = "^(on|off)$";

/** Without a kubeconfig the cluster is that of the pod. */
export const KubernetesFields = z
  .strictObject({
    kubeconfig: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: "A kubeconfig, for a connector that does not run in a pod of the cluster.",
        examples: ["/etc/fairlead/cluster.yaml"],
      }),
    context: z.string().min(1).optional().meta({
      description: "Context of the kubeconfig; its current one unless given.",
    }),
    namespace: parsed(parseNamespace, {
      description:
        "Namespace of the connector's own objects. The default is that of the pod, or of the kubeconfig's context.",
      pattern: `^${NAME}$`,
    }).optional(),
    watch: parsed(parseWatch, {
      description:
        "Namespaces whose annotated objects and ServiceExports are offered, or all. The default is the own namespace.",
      pattern: `^(all|${NAMES})$`,
      examples: ["shop,billing", "all"],
    }).optional(),
    import: parsed(parseImport, {
      description:
        "Namespaces in which the services of the network have Services, or none. The default is the own namespace.",
      pattern: `^(none|${NAMES})$`,
      examples: ["shop", "none"],
    }).optional(),
    events: parsed(parseSwitch, {
      description: "Whether the connector records Kubernetes Events. The default is on.",
      pattern: SWITCH,
    }).optional(),
    mcs: parsed(parseSwitch, {
      description:
        "Whether ServiceExports and ServiceImports are served where their definitions are installed. The default is on.",
      pattern: SWITCH,
    }).optional(),
    "skupper-annotations": z.boolean().optional().meta({
      description: "Whether annotations that begin with skupper.io/ are understood as well.",
    }),
    name: parsed(parseKubernetesName, {
      description: `First word of the names of the connector's own objects; ${DEFAULT_KUBERNETES_NAME} unless given.`,
      pattern: `^${NAME}$`,
    }).optional(),
    ports: parsed(parsePortRange, {
      description: `Ports for the listeners of the network's services, as FROM-TO; ${formatPortRange(DEFAULT_PORTS)} unless given.`,
      pattern: "^[0-9]{4,5}-[0-9]{4,5}$",
      examples: [formatPortRange(DEFAULT_PORTS)],
    }).optional(),
  })
  .meta({
    description:
      "The Kubernetes cluster that the connector works in. It is that of the pod unless a kubeconfig is given. Takes effect at the next start.",
  })
  .transform(
    ({ "skupper-annotations": skupperAnnotations, ...fields }): KubernetesSource => ({
      ...fields,
      skupperAnnotations,
      inPod: fields.kubeconfig === undefined,
    }),
  );
