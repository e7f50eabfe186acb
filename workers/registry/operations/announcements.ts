/** Tells sites what changed in what they see, and nothing of what they do not see. */
import type { Context } from "../context/context.ts";
import { portions } from "../policy/message-limits.ts";
import { Sight } from "../policy/visibility.ts";
import { Differences } from "../policy/visibility-diff.ts";

/** What sites see now: taken before a change of offers, names or links, for {@link announceDifferences} after it. */
export function sightOf({ store }: Context): Sight {
  return Sight.of(store.links.edges(), store.sites.names(), store.offers.book().ofService);
}

/** After a change: to each site what it sees otherwise than before. */
export function announceDifferences(context: Context, before: Sight): void {
  const differences = new Differences(before, sightOf(context));
  if (differences.none) return;
  for (const uplink of context.uplinks.greeted()) {
    const change = differences.for(uplink.attachment.site);
    if (change.put.length + change.gone.length === 0) continue;
    const [put = [], ...rest] = portions(change.put, JSON.stringify(change.gone).length);
    context.uplinks.send(uplink, { type: "services", put, gone: change.gone });
    for (const put of rest) context.uplinks.send(uplink, { type: "services", put, gone: [] });
  }
}
