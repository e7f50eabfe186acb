/** Resources that an installation brings and no part of this server acts on: network policies, disruption budgets. */
import { at, objectIn } from "../json.ts";
import type { ResourceType } from "../resource-type.ts";
import { type FieldFault, invalidValue } from "../status.ts";
import { AGE, builtIn, column, NAME } from "./built-in.ts";

export const POLICY_TYPES: readonly ResourceType[] = [
  builtIn("io.k8s.api.networking.v1", {
    group: "networking.k8s.io",
    resource: "networkpolicies",
    singular: "networkpolicy",
    kind: "NetworkPolicy",
    shortNames: ["netpol"],
    complete: ({ spec }) => {
      const policy = objectIn(spec);
      policy.policyTypes ??= policy.egress === undefined ? ["Ingress"] : ["Ingress", "Egress"];
    },
    columns: [NAME, AGE],
  }),
  builtIn("io.k8s.api.networking.v1", {
    group: "networking.k8s.io",
    resource: "ingresses",
    singular: "ingress",
    kind: "Ingress",
    shortNames: ["ing"],
    hasStatus: true,
  }),
  builtIn("io.k8s.api.policy.v1", {
    group: "policy",
    resource: "poddisruptionbudgets",
    kind: "PodDisruptionBudget",
    shortNames: ["pdb"],
    hasStatus: true,
    faults: ({ spec }) => {
      const { minAvailable, maxUnavailable } = objectIn(spec);
      const faults: FieldFault[] = [];
      if (minAvailable !== undefined && maxUnavailable !== undefined) {
        faults.push(
          invalidValue("spec", objectIn(spec), "minAvailable and maxUnavailable cannot be both set"),
        );
      }
      return faults;
    },
    columns: [
      NAME,
      column("Min Available", ({ spec }) => String(at(spec, "minAvailable") ?? "N/A")),
      column("Max Unavailable", ({ spec }) => String(at(spec, "maxUnavailable") ?? "N/A")),
      AGE,
    ],
  }),
];
