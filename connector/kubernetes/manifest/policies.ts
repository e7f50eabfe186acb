/** Objects that limit what happens to the pods: their traffic, and their evictions. */
import type { NetworkPolicy, NetworkPolicyPort } from "kubernetes-types/networking/v1";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1";
import { CONNECTOR, LABELS, PORTS, SELECTOR } from "./names.ts";
import { commented, each, namespace, numberItem, splice, type Template, value, when } from "./template.ts";

/** All pods of the cluster. */
const PODS = [{ namespaceSelector: {} }];

const port = (number: number, protocol = "TCP"): Template<NetworkPolicyPort> => ({ protocol, port: number });
const listeners = (protocol: string): Template<NetworkPolicyPort> => ({
  protocol,
  port: value("listenerPorts.from"),
  endPort: value("listenerPorts.to"),
});

const policy: Template<NetworkPolicy> = {
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name: CONNECTOR, namespace, labels: LABELS },
  spec: {
    podSelector: { matchLabels: SELECTOR },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      commented("Pods use the services of the network.", {
        from: PODS,
        ports: [listeners("TCP"), listeners("UDP")],
      }),
      commented("Resolvers ask for their names.", {
        from: PODS,
        ports: [port(PORTS.dns, "UDP"), port(PORTS.dns)],
      }),
      commented("Prometheus reads the metrics.", { from: PODS, ports: [port(PORTS.metrics)] }),
    ],
    egress: [
      commented("The targets of services.", { to: PODS }),
      commented("DNS, which may run on the nodes.", { ports: [port(53, "UDP"), port(53)] }),
      commented("The API server.", { ports: [port(443), port(6443)] }),
      commented("The edge.", {
        ports: [each(value("networkPolicy.edgePorts"), { protocol: "TCP", port: numberItem })],
      }),
      splice("networkPolicy.egress"),
    ],
  },
};

export const networkPolicy = when(value("networkPolicy.enabled"), policy);

const budget: Template<PodDisruptionBudget> = {
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name: CONNECTOR, namespace, labels: LABELS },
  spec: {
    // A minimum of available pods would stop the draining of nodes where there is one replica.
    maxUnavailable: 1,
    selector: { matchLabels: SELECTOR },
  },
};

export const podDisruptionBudget = when(value("podDisruptionBudget.enabled"), budget);
