/** Tells sites what changed in what they see, and nothing of what they do not see. */
import type { Context } from "../context/context.ts";
import { splitServices } from "../policy/message-limits.ts";
import { Visibility } from "../policy/visibility.ts";
import { VisibilityDiff } from "../policy/visibility-diff.ts";

/** What sites see now: taken before a change of offers, names or links, for {@link announceVisibility} after it. */
export function currentVisibility({ store }: Context): Visibility {
  return Visibility.of(store.links.edges(), store.sites.names(), store.offers.snapshot().ofService);
}

/** After a change: to each site what it sees otherwise than before. */
export function announceVisibility(context: Context, before: Visibility): void {
  const diff = new VisibilityDiff(before, currentVisibility(context));
  if (diff.none) return;
  for (const uplink of context.uplinks.established()) {
    const change = diff.for(uplink.attachment.site);
    if (change.put.length + change.gone.length === 0) continue;
    const [put = [], ...rest] = splitServices(change.put, JSON.stringify(change.gone).length);
    context.uplinks.send(uplink, { type: "services", put, gone: change.gone });
    for (const put of rest) context.uplinks.send(uplink, { type: "services", put, gone: [] });
  }
}
