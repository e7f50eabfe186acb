/**
 * Announcements of visibility changes. Each site receives changes of services that it sees, and of no others.
 */
import type { Context } from "../context/context.ts";
import { splitServices } from "../policy/message-limits.ts";
import { Visibility } from "../policy/visibility.ts";
import { VisibilityDiff } from "../policy/visibility-diff.ts";

/**
 * The visibility of services at this moment. Read before a change of offers, names or links, for {@link
 * announceVisibility} afterwards.
 */
export function currentVisibility({ store }: Context): Visibility {
  return Visibility.of(store.links.edges(), store.sites.names(), store.offers.snapshot().ofService);
}

/** Sends each site the difference between its visibility before a change and now. */
export function announceVisibility(context: Context, before: Visibility): void {
  const diff = new VisibilityDiff(before, currentVisibility(context));
  if (diff.isEmpty) return;
  for (const uplink of context.uplinks.established()) {
    const { site, features } = uplink.attachment;
    const change = diff.changeFor(site, features);
    if (change.put.length + change.gone.length === 0) continue;
    const [put = [], ...rest] = splitServices(change.put, JSON.stringify(change.gone).length);
    context.uplinks.send(uplink, { type: "services", put, gone: change.gone });
    for (const put of rest) context.uplinks.send(uplink, { type: "services", put, gone: [] });
  }
}
