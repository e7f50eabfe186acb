/** Changing the link graph: everybody is told what it changed for him, and who is not connected any more is cut. */
import type { Context } from "../context/context.ts";
import { cutDisconnected } from "./cut-sessions.ts";
import { announceLinkStatuses, linkStatusesOf, recordLinkEvents } from "./link-reports.ts";
import { announceRevision, type Cause, type OfferRevision, reviseOffers } from "./offers.ts";

/** A change of links, of sites, or of what these may offer. */
export interface GraphChange<T> {
  /** Ids of sites (or "network") whose links it may touch. */
  readonly sites: readonly string[];
  /** Why services may go with it. */
  readonly cause: Cause;
  /** Runs in a transaction; if it throws, nothing happened. */
  readonly change: () => T;
  /** What else is to end, before anybody is told. */
  readonly afterwards?: () => void;
}

/** Makes a change, then tells all who see something else than before. */
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
 * The same for a change that takes links away: the sessions and lanes between sites that nothing connects any more are
 * cut. All of it is stored and sent when this returns its promise, which waits for the routers only.
 * @returns what the change gave, and how many sessions were cut
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
