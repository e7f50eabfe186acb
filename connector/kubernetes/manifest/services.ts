/** The Services of the connector itself: its metrics, and its DNS server. */
import type { Service } from "kubernetes-types/core/v1";
import { CONNECTOR, DNS, LABELS, PORTS, SELECTOR } from "./names.ts";
import { namespace, type Template } from "./template.ts";

export const metricsService: Template<Service> = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: CONNECTOR, namespace, labels: LABELS },
  spec: {
    selector: SELECTOR,
    ports: [{ name: "metrics", protocol: "TCP", port: PORTS.metrics, targetPort: "metrics" }],
  },
};

export const dnsService: Template<Service> = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: DNS, namespace, labels: LABELS },
  spec: {
    selector: SELECTOR,
    ports: [
      { name: "dns", protocol: "UDP", port: 53, targetPort: "dns" },
      { name: "dns-tcp", protocol: "TCP", port: 53, targetPort: "dns-tcp" },
    ],
  },
};
