/** The end of an uplink: by `bye`, by loss, or closed by the registry. */

import type { ErrorCode } from "../../../protocol/errors.ts";
import type { Context } from "../context/context.ts";
import { isEstablished } from "../sockets/attachment.ts";
import type { Uplink } from "../sockets/uplinks.ts";
import { announceLinkStatuses, linkStatusesOf, recordLinkEvents } from "./link-reports.ts";
import { changeOffers } from "./offers.ts";
import { Presence } from "./presence.ts";

/**
 * Handles `bye`: the process stops on purpose. Withdraws the instance's offers at once, without the grace of a
 * lost uplink, and records the end of its uplinks now. The registry may sleep until they close, and could
 * then not tell the stop from a loss.
 * @param hasSuccessor whether another process is expected to make the offers: those that no other makes yet stay
 */
export function handleBye(context: Context, uplink: Uplink, hasSuccessor = false): void {
  const { store, uplinks } = context;
  const site = store.sites.get(uplink.attachment.site);
  if (!site) return;
  // An uplink that was replaced may not be closed yet.
  for (const own of uplinks.ofInstance(uplink.attachment)) uplinks.markEnded(own.socket);
  const instance = uplink.attachment;
  changeOffers(context, { reason: `site ${site.name} withdrew it`, owner: site.id }, () => {
    const kept = hasSuccessor ? store.offers.onlyOf(instance) : [];
    store.dropInstance(instance, kept);
    if (kept.length > 0) store.offers.markLost(instance, context.now());
  });
  if (isEstablished(uplink.attachment)) recordEnd(context, uplink, undefined);
}

/**
 * Records the loss of an uplink. The site is down if it was the last one; its offers stay for a grace period.
 * An uplink that the registry closed, or whose process said bye, was recorded at that time.
 */
export function handleDisconnect(context: Context, uplink: Uplink, code: string): void {
  if (isEstablished(uplink.attachment) && !uplink.attachment.ended) recordEnd(context, uplink, code);
}

/** Records the end of an established uplink. @param code why it was lost; undefined for a process that stopped */
function recordEnd(context: Context, uplink: Uplink, code: string | undefined): void {
  const { store, uplinks } = context;
  const { attachment: instance } = uplink;
  const { site: id } = instance;
  const site = store.sites.get(id);
  if (!site || site.state === "revoked") return;
  const now = context.now();
  const isStop = code === undefined;
  // The end of this uplink woke the registry, and `reconcile` has recorded the effect on the site already.
  if (site.state !== "up") {
    if (!isStop) store.offers.markLost(instance, now);
    return;
  }
  const before = linkStatusesOf(context, [id], new Presence(context, uplink));
  const others = (list: Uplink[]) =>
    list.filter((other) => other.socket !== uplink.socket && isEstablished(other.attachment)).length;
  const after = store.transaction(() => {
    const replaced = others(uplinks.ofInstance(instance)) > 0;
    if (!replaced && !isStop) store.offers.markLost(instance, now);
    const left = others(uplinks.ofSite(id));
    const facts = { site: site.name, owner: id };
    if (left === 0 && isStop) {
      store.sites.setState(id, "stopped", now);
      context.event("site.stopped", `Site ${site.name} was stopped.`, { ...facts, actor: site.name });
    } else if (left === 0) {
      store.sites.setState(id, "down", now);
      context.event("site.down", `Site ${site.name} is down.`, { ...facts, code });
    } else if (isStop) {
      const text = `An instance of site ${site.name} was stopped; ${left} left.`;
      context.event("uplink.down", text, { ...facts, actor: site.name });
    } else if (!replaced) {
      const text = `An instance of site ${site.name} disconnected; ${left} left.`;
      context.event("uplink.down", text, { ...facts, code });
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
