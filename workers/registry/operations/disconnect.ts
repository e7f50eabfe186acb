/** The end of an uplink: by `bye`, by loss, or closed by the registry. */

import type { ErrorCode } from "../../../protocol/errors.ts";
import type { Context } from "../context/context.ts";
import { isEstablished } from "../sockets/attachment.ts";
import type { Uplink } from "../sockets/uplinks.ts";
import { announceLinkStatuses, linkStatusesOf, recordLinkEvents } from "./link-reports.ts";
import { changeOffers } from "./offers.ts";
import { Presence } from "./presence.ts";

/** Handles `bye`: withdraws the instance's offers at once, without the grace of a lost uplink. */
export function handleBye(context: Context, uplink: Uplink): void {
  const { store } = context;
  const site = store.sites.get(uplink.attachment.site);
  if (!site) return;
  changeOffers(context, { reason: `site ${site.name} withdrew it`, owner: site.id }, () =>
    store.dropInstance(uplink.attachment),
  );
}

/**
 * Records the loss of an uplink. The site is down if it was the last one; its offers stay for a grace period.
 * An uplink that the registry closed was recorded at that time.
 */
export function handleDisconnect(context: Context, uplink: Uplink, code: string): void {
  const { store, uplinks } = context;
  const { attachment: instance } = uplink;
  const { site: id, software, ended } = instance;
  const site = store.sites.get(id);
  if (!site || site.state === "revoked" || software === null || ended) return;
  const now = context.now();
  // The end of this uplink woke the registry, and `reconcile` has recorded the effect on the site already.
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
      const text = `An instance of site ${site.name} disconnected; ${left} left.`;
      context.event("uplink.down", text, { site: site.name, code, owner: id });
    }
    const statuses = linkStatusesOf(context, [id]);
    recordLinkEvents(context, before, statuses, () => id);
    return statuses;
  });
  announceLinkStatuses(context, before, after);
}

/** Sends the reason, closes an uplink, and records its loss at once. A peer may never answer the close. */
export function closeUplink(context: Context, uplink: Uplink, code: ErrorCode, message?: string): void {
  context.uplinks.refuse(uplink, code, message);
  handleDisconnect(context, uplink, code);
}
