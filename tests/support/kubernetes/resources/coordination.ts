/** Leases. Their times have exactly six digits after the second. */
import { at, objectIn, textIn } from "../json.ts";
import type { ResourceType } from "../resource-type.ts";
import { type FieldFault, invalidValue } from "../status.ts";
import { AGE, builtIn, column, NAME } from "./built-in.ts";

export const LEASE: ResourceType = builtIn("io.k8s.api.coordination.v1", {
  group: "coordination.k8s.io",
  resource: "leases",
  kind: "Lease",
  faults: ({ spec }) => {
    const { leaseDurationSeconds: duration, leaseTransitions } = objectIn(spec);
    const faults: FieldFault[] = [];
    if (typeof duration === "number" && duration <= 0) {
      faults.push(invalidValue("spec.leaseDurationSeconds", duration, "must be greater than 0"));
    }
    if (typeof leaseTransitions === "number" && leaseTransitions < 0) {
      faults.push(
        invalidValue("spec.leaseTransitions", leaseTransitions, "must be greater than or equal to 0"),
      );
    }
    return faults;
  },
  columns: [NAME, column("Holder", ({ spec }) => textIn(at(spec, "holderIdentity"))), AGE],
});
