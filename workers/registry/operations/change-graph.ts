/**
 * Changes of the link graph: announces the effects to each site, and cuts sessions between disconnected
 * sites.
 */
import type { Context } from "../context/context.ts";
import { cutDisconnected } from "./cut-sessions.ts";
import { announceLinkStatuses, linkStatusesOf, recordLinkEvents } from "./link-reports.ts";
import { announceRevision, type Cause, type OfferRevision, reviseOffers } from "./offers.ts";

/** A change of links, of sites, or of what sites may offer. */
export interface GraphChange<T> {
  /** Ids of sites (or "network") whose links the change may affect. */
  readonly sites: readonly string[];
  /** The cause that is recorded for services that end with the change. */
  readonly cause: Cause;
  /** Runs in a transaction. If it throws, nothing is changed. */
  readonly change: () => T;
  /** Runs after the transaction and before any announcement. */
  readonly afterwards?: () => void;
}

/** Applies a change, then announces its effects to every affected site. */
export function changeGraph<T>(context: Context, { sites, cause, change, afterwards }: GraphChange<T>): T {
  const before = linkStatusesOf(context, sites);
  const { value, revision } = context.store.transaction((): { value: T; revision: OfferRevision } => {
    const values: T[] = [];
    const revision = reviseOffers(context, cause, () => values.push(change()));
    return { value: values[0] as T, revision };
  });
  afterwards?.();
  const after = linkStatusesOf(context, sites);
  recordLinkEvents(context, before, after, () => cause.owner ?? undefined);
  announceRevision(context, revision);
  announceLinkStatuses(context, before, after);
  return value;
}

/**
 * Applies a change that removes links, and cuts sessions and lanes between sites that are no longer
 * connected. Everything is stored and sent when the promise is returned; the promise waits for the routers
 * only.
 * @returns the result of the change, and the number of sessions that were cut
 */
export async function severGraph<T>(
  context: Context,
  { afterwards, ...change }: GraphChange<T>,
): Promise<{ value: T; sessions: number }> {
  let cut = Promise.resolve(0);
  const value = changeGraph(context, {
    ...change,
    afterwards: () => {
      afterwards?.();
      cut = cutDisconnected(context, "session.revoked");
    },
  });
  return { value, sessions: await cut };
}
