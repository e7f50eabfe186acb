/** Kubernetes Events about the ServiceExports of a cluster, told when a condition says something new. */
import type { ClusterEvent, ObjectReference } from "../cluster/cluster.ts";
import type { Condition } from "./conditions.ts";

/** The Events for conditions that are new. @param hasUncarried whether ports of the Service cannot be carried */
export function exportEvents(
  about: ObjectReference,
  conditions: readonly Condition[],
  hasUncarried: boolean,
): readonly ClusterEvent[] {
  return conditions.flatMap(({ type, status, reason, message }): ClusterEvent[] => {
    const event = { about, action: "Export", note: message };
    switch (type) {
      case "Valid":
        if (status === "False") return [{ ...event, type: "Warning", reason }];
        return hasUncarried ? [{ ...event, type: "Warning", reason: "ProtocolNotCarried" }] : [];
      case "Ready":
        if (reason === "Failed") return [{ ...event, type: "Warning", reason: "ExportFailed" }];
        return status === "True" ? [{ ...event, type: "Normal", reason: "ServiceExported" }] : [];
      case "Conflict":
        return status === "True" ? [{ ...event, type: "Warning", reason: "ExportConflict" }] : [];
      default:
        return [];
    }
  });
}
