/** All objects of an installation: the one source of `fairlead kubernetes manifest`, the Helm chart and the kustomize bases. */
import { deployment } from "./deployment.ts";
import { type Filled, fillAll } from "./evaluate.ts";
import { networkPolicy, podDisruptionBudget } from "./policies.ts";
import { exportRoles, importRoles, ownRole, serviceAccount } from "./roles.ts";
import { serviceMonitor } from "./service-monitor.ts";
import { dnsService, metricsService } from "./services.ts";
import type { Node } from "./template.ts";
import { tokenSecret } from "./token.ts";
import type { Values } from "./values.ts";

/** The templates by their files in the chart, in an order in which they can be applied. */
export const FILES: Readonly<Record<string, readonly Node[]>> = {
  "serviceaccount.yaml": [serviceAccount],
  "role.yaml": ownRole,
  "role-export.yaml": exportRoles,
  "role-import.yaml": importRoles,
  "secret.yaml": [tokenSecret],
  "deployment.yaml": [deployment],
  "service.yaml": [metricsService, dnsService],
  "networkpolicy.yaml": [networkPolicy],
  "poddisruptionbudget.yaml": [podDisruptionBudget],
  "servicemonitor.yaml": [serviceMonitor],
};

/** Fills the templates of a file. @throws Error for a file that the chart does not have */
export function manifestFile(file: string, values: Values, namespace: string): readonly Filled[] {
  const nodes = FILES[file];
  if (nodes === undefined) throw new Error(`The chart has no ${file}.`);
  return fillAll(nodes, { values, namespace });
}

/** Fills all templates. */
export const manifestOf = (values: Values, namespace: string): readonly Filled[] =>
  Object.keys(FILES).flatMap((file) => manifestFile(file, values, namespace));

/** The namespace of an installation. It has no standard of Pod Security, since applications may share it. */
export const namespaceObject = (name: string): Filled => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name },
});
