/** What one object asks for. */
import type { Kind } from "../api/kinds.ts";
import type { Meta, ObjectReference } from "../cluster/cluster.ts";
import { mayAsk } from "./annotations.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import type { Source } from "./source.ts";

export interface Claim {
  readonly about: ObjectReference;
  /** When the object was made, RFC 3339, to the second. */
  readonly createdAt: string;
  readonly outcome: Outcome;
}

/** Which objects are exposed. */
export interface ExportOptions {
  /** The namespaces whose objects may be exposed; null for all. */
  readonly watched: readonly string[] | null;
  /** Whether Skupper's annotations count. */
  readonly skupper: boolean;
}

/** Whether an object is in a namespace that is watched, and has annotations that may ask for something. */
export function mayExport({ namespace, annotations }: Meta, { watched, skupper }: ExportOptions): boolean {
  return (watched === null || watched.includes(namespace)) && mayAsk(annotations, skupper);
}

export function claimOf(kind: Kind, meta: Meta, options: ExportOptions, source: () => Source): Claim {
  const { namespace, name, uid, creationTimestamp } = meta;
  return {
    about: { kind, namespace, name, uid },
    createdAt: creationTimestamp,
    outcome: outcomeOf(meta, options, source),
  };
}
