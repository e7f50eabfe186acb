/** The conditions of a ServiceExport of this cluster (KEP-1645, "Exporting services"). */
import type { Condition } from "./conditions.ts";
import type { Conflict, ExportedPort } from "./merge.ts";
import type { InvalidExport, ValidExport } from "./own-export.ts";

/** The types of conditions that a connector sets. */
export const EXPORT_CONDITIONS: readonly string[] = ["Valid", "Ready", "Conflict"];

/** How far an export has come in the network. */
export type ExportProgress =
  | { readonly state: "exported" | "pending" }
  /** Somebody has to act first. */
  | { readonly state: "failed"; readonly message: string };

export const invalidConditions = ({ reason, message }: InvalidExport): readonly Condition[] => [
  { type: "Valid", status: "False", reason, message },
  { type: "Ready", status: "False", reason: "Pending", message: "The ServiceExport is not valid." },
];

/** @param conflict undefined while the exports of other clusters are not known: the condition then stays as it is */
export function validConditions(
  { networkNames, notCarried }: ValidExport,
  progress: ExportProgress,
  conflict: Conflict | null | undefined,
  stored: readonly Condition[],
): readonly Condition[] {
  const valid: Condition = {
    type: "Valid",
    status: "True",
    reason: "Valid",
    message: validMessage(notCarried),
  };
  const known = stored.find(({ type }) => type === "Conflict");
  const conflicting = conflict === undefined ? known : conflictCondition(conflict);
  return [valid, readyCondition(progress, networkNames), ...(conflicting === undefined ? [] : [conflicting])];
}

function readyCondition(progress: ExportProgress, networkNames: readonly string[]): Condition {
  const names = networkNames.join(" and ");
  switch (progress.state) {
    case "exported":
      return {
        type: "Ready",
        status: "True",
        reason: "Exported",
        message: `The network has it as ${names}.`,
      };
    case "pending": {
      const message = "The connector has not reached the network yet.";
      return { type: "Ready", status: "False", reason: "Pending", message };
    }
    case "failed":
      return { type: "Ready", status: "False", reason: "Failed", message: progress.message };
  }
}

const conflictCondition = (conflict: Conflict | null): Condition =>
  conflict === null
    ? { type: "Conflict", status: "False", reason: "NoConflicts", message: "All clusters export it alike." }
    : { type: "Conflict", status: "True", ...conflict };

function validMessage(notCarried: readonly ExportedPort[]): string {
  const [first, ...rest] = notCarried.map(({ name, port }) => name ?? String(port));
  if (first === undefined) return "The Service can be exported.";
  const ports = rest.length === 0 ? `port ${first}` : `ports ${[first, ...rest].join(", ")}`;
  return `The network carries TCP and UDP alone: other clusters list the SCTP ${ports} and cannot reach it.`;
}
