/** What the owners of objects are told: what is exposed, what is not, and why. Events say what changed. */
import type { ClusterEvent, ObjectReference } from "../cluster/cluster.ts";
import type { Arrangement } from "./arrangement.ts";
import type { Claim } from "./claim.ts";
import { titleOf } from "./source.ts";
import type { Warning } from "./warning.ts";

/** What was done or tried, in Events. */
const EXPOSE = "Expose";
const UNEXPOSE = "Unexpose";

/** What is to be known of an object. */
export interface Report {
  readonly about: ObjectReference;
  /** The name by which the network has it; null while it has none. */
  readonly exposed: string | null;
  readonly warnings: readonly Warning[];
}

/** By the title of the object. */
export type Reports = ReadonlyMap<string, Report>;

/** A service of the arrangement that is not offered, and why. */
export interface Refusal {
  readonly name: string;
  /** The object that the service is of, where others may have given a service of that name. */
  readonly source?: string;
  readonly message: string;
}

/** @param refusals by the connector and by the network */
export function reportsOf(
  claims: Iterable<Claim>,
  { owners, refused }: Pick<Arrangement, "owners" | "refused">,
  refusals: readonly Refusal[],
): Reports {
  const refusedOf = new Map<Claim, Warning[]>();
  const names = new Set<string>();
  for (const { name, source, message } of refusals) {
    const owner = owners.get(name);
    if (owner === undefined || (source !== undefined && source !== titleOf(owner.about))) continue;
    names.add(name);
    const warning: Warning = { reason: "OfferRefused", note: `${name} is not offered. ${message}` };
    refusedOf.set(owner, [...(refusedOf.get(owner) ?? []), warning]);
  }
  const reports = new Map<string, Report>();
  for (const claim of claims) {
    const { about, outcome } = claim;
    const name = outcome.service?.name;
    const isExposed = name !== undefined && owners.get(name) === claim && !names.has(name);
    const taken = refused.get(claim);
    reports.set(titleOf(about), {
      about,
      exposed: isExposed ? name : null,
      warnings: [
        ...outcome.warnings,
        ...(taken === undefined ? [] : [taken]),
        ...(refusedOf.get(claim) ?? []),
      ],
    });
  }
  return reports;
}

/** The Events between two moments. */
export function eventsBetween(before: Reports, after: Reports): readonly ClusterEvent[] {
  const events: ClusterEvent[] = [];
  for (const [title, { about, exposed }] of before) {
    if (exposed !== null && after.get(title)?.exposed !== exposed) {
      events.push(management(about, UNEXPOSE, `Service ${exposed} is no longer exposed.`));
    }
  }
  for (const [title, { about, exposed, warnings }] of after) {
    const known = before.get(title);
    if (exposed !== null && known?.exposed !== exposed) {
      events.push(management(about, EXPOSE, `Service ${exposed} exposed.`));
    }
    for (const { reason, note } of warnings) {
      if (known?.warnings.some((each) => each.reason === reason && each.note === note)) continue;
      events.push({ about, type: "Warning", reason, action: EXPOSE, note });
    }
  }
  return events;
}

const management = (about: ObjectReference, action: string, note: string): ClusterEvent => ({
  ...{ about, type: "Normal", reason: "ServiceManagement", action, note },
});
