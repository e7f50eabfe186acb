/** How an uplink ends: with a goodbye, by its loss, or because the registry hangs up. */

import type { ErrorCode } from "../../../protocol/errors.ts";
import type { Context } from "../context/context.ts";
import { isEstablished } from "../sockets/attachment.ts";
import type { Uplink } from "../sockets/uplinks.ts";
import { announceLinkStatuses, linkStatusesOf, recordLinkEvents } from "./link-reports.ts";
import { changeOffers } from "./offers.ts";
import { Presence } from "./presence.ts";

/** An instance said goodbye: its offers go at once, not after the grace that a lost uplink has. */
export function handleBye(context: Context, uplink: Uplink): void {
  const { store } = context;
  const site = store.sites.get(uplink.attachment.site);
  if (!site) return;
  changeOffers(context, { reason: `site ${site.name} withdrew it`, owner: site.id }, () =>
    store.dropInstance(uplink.attachment),
  );
}

/**
 * An uplink went. The site is down when it was its last; its offers stay for a grace. One that the registry closed
 * was told of when it was.
 */
export function handleDisconnect(context: Context, uplink: Uplink, code: string): void {
  const { store, uplinks } = context;
  const { attachment: instance } = uplink;
  const { site: id, software, ended } = instance;
  const site = store.sites.get(id);
  if (!site || site.state === "revoked" || software === null || ended) return;
  const now = context.now();
  // Where the end of an uplink woke the registry, what it means for the site was noted before this is called.
  if (site.state === "down") {
    store.offers.markLost(instance, now);
    return;
  }
  const before = linkStatusesOf(context, [id], new Presence(context, uplink));
  const others = (list: Uplink[]) =>
    list.filter((other) => other.socket !== uplink.socket && isEstablished(other.attachment)).length;
  const after = store.transaction(() => {
    const replaced = others(uplinks.ofInstance(instance)) > 0;
    if (!replaced) store.offers.markLost(instance, now);
    const left = others(uplinks.ofSite(id));
    if (left === 0) {
      store.sites.setState(id, "down", now);
      context.event("site.down", `Site ${site.name} is down.`, { site: site.name, code, owner: id });
    } else if (!replaced) {
      const text = `One of the instances of site ${site.name} is gone, ${left} left.`;
      context.event("uplink.down", text, { site: site.name, code, owner: id });
    }
    const statuses = linkStatusesOf(context, [id]);
    recordLinkEvents(context, before, statuses, () => id);
    return statuses;
  });
  announceLinkStatuses(context, before, after);
}

/** Tells an uplink why, closes it, and takes it for gone at once: a peer may never answer the close. */
export function closeUplink(context: Context, uplink: Uplink, code: ErrorCode, message?: string): void {
  context.uplinks.refuse(uplink, code, message);
  handleDisconnect(context, uplink, code);
}
