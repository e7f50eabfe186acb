/** How an uplink ends: with a goodbye, by its loss, or because the registry hangs up. */
import type { ErrorCode } from "../../protocol/errors.ts";
import { announceServices } from "./announcements.ts";
import type { Context } from "./context.ts";
import { takeOffers } from "./reports.ts";
import type { SiteRow } from "./store/store.ts";
import type { Uplink } from "./uplinks.ts";
import { issuerName } from "./views.ts";

/** An instance said goodbye: its offers go at once, not after the grace that a lost uplink has. */
export function sayGoodbye(context: Context, uplink: Uplink): void {
  const { store } = context;
  const site = store.sites.get(uplink.attachment.site);
  if (!site) return;
  const changed = store.transaction(() => {
    const names = takeOffers(context, site, uplink.attachment.boot, [], context.now());
    store.dropInstance(uplink.attachment.boot);
    return names;
  });
  announceServices(context, site.id, changed);
}

/** An uplink went. The site is down when it was its last; its offers stay for a grace. */
export function part(context: Context, uplink: Uplink, code: string): void {
  const { store, uplinks } = context;
  const { boot, site: id } = uplink.attachment;
  const site = store.sites.get(id);
  if (!site || site.state === "revoked" || uplink.attachment.software === null) return;
  const now = context.now();
  const others = (list: Uplink[]) =>
    list.filter((other) => other.socket !== uplink.socket && other.attachment.software !== null);
  if (others(uplinks.ofBoot(boot)).length === 0) store.offers.markLost(boot, now);
  if (others(uplinks.ofSite(id)).length > 0 || site.state === "down") return;
  takeDown(context, site, code, uplink.attachment.links);
}

/** A site has no uplink any more. `links` are those that were up; where that is not known, all that it has. */
export function takeDown(context: Context, site: SiteRow, code: string, links?: readonly string[]): void {
  const { store } = context;
  store.sites.setState(site.id, "down", context.now());
  context.event("site.down", `Site ${site.name} is down.`, { site: site.name, code });
  for (const link of store.links.of(site.id)) {
    if (links && !links.includes(link.id)) continue;
    const what = `Link ${link.name} of site ${site.name} to ${issuerName(context, link.issuer)}`;
    context.event("link.down", `${what} is down.`, { site: site.name, code });
  }
}

/** Tells an uplink why, closes it, and takes it for gone at once: a peer may never answer the close. */
export function hangUp(context: Context, uplink: Uplink, code: ErrorCode, message?: string): void {
  context.uplinks.refuse(uplink, code, message);
  part(context, uplink, code);
}
