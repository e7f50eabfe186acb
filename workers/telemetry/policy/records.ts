/** Records as the object passes them on: with the site that sent them, and nothing that the site cannot know. Pure. */
import type { FlowRecord, SiteFlowRecord } from "../../../protocol/telemetry/flow-record.ts";

/** The reporting site, as its identity proved it. */
export interface Reporter {
  readonly site: string;
  readonly name: string;
}

/**
 * A record with its site. A time in the future becomes the present, and the other end has the name by which the network
 * knows it.
 *
 * @param nameOf the name of a site; null for an id that is not known
 */
export function attribute(
  record: FlowRecord,
  { site, name }: Reporter,
  { now, nameOf }: { readonly now: number; readonly nameOf: (id: string) => string | null },
): SiteFlowRecord {
  const { peer } = record;
  const known = peer === null || peer.site === null ? null : nameOf(peer.site);
  return {
    ...record,
    at: Math.min(record.at, now),
    peer: peer === null || known === null ? peer : { site: peer.site, name: known },
    site: { site, name },
  };
}
