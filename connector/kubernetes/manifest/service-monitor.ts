/** The ServiceMonitor, for clusters with the Prometheus operator. */
import type { LabelSelector, ObjectMeta } from "kubernetes-types/meta/v1";
import { CONNECTOR, LABELS, SELECTOR } from "./names.ts";
import { namespace, type Template, value, when } from "./template.ts";

/** The fields that are used of https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitor. */
interface ServiceMonitor {
  readonly apiVersion: "monitoring.coreos.com/v1";
  readonly kind: "ServiceMonitor";
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly selector: LabelSelector;
    readonly endpoints: readonly { readonly port: string; readonly path: string }[];
  };
}

const monitor: Template<ServiceMonitor> = {
  apiVersion: "monitoring.coreos.com/v1",
  kind: "ServiceMonitor",
  metadata: { name: CONNECTOR, namespace, labels: LABELS },
  spec: {
    selector: { matchLabels: SELECTOR },
    endpoints: [{ port: "metrics", path: "/metrics" }],
  },
};

export const serviceMonitor = when(value("serviceMonitor.enabled"), monitor);
