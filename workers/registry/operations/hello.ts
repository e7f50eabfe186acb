/** The handling of an instance's `hello`. */
import { decodeBase64 } from "../../../protocol/encoding.ts";
import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import { type InstanceId, isSameInstance } from "../../../protocol/instance-id.ts";
import {
  CONNECTOR_FEATURES,
  EDGE_FEATURES,
  type Hello,
  MAX_MESSAGE,
  type Welcome,
} from "../../../protocol/uplink/messages.ts";
import { negotiate, UPLINK_VERSIONS } from "../../../protocol/versions.ts";
import { linkIdOf } from "../../authority/certificates.ts";
import type { Context } from "../context/context.ts";
import { splitServices } from "../policy/message-limits.ts";
import type { StoredOffer } from "../policy/offers.ts";
import { decideHello } from "../policy/sessions.ts";
import { type Attachment, isEstablished, presentSince, readAttachment } from "../sockets/attachment.ts";
import type { Uplink } from "../sockets/uplinks.ts";
import type { SiteRow } from "../store/store.ts";
import { currentVisibility } from "./announcements.ts";
import { declareIngress } from "./ingress.ts";
import { peerOf, sendOffer } from "./invitations.ts";
import { announceLinkStatuses, linkStatusesOf, linksOf, recordLinkEvents } from "./link-reports.ts";
import { announceRevision, type OfferRevision, offerDecisions, reviseOffers } from "./offers.ts";
import { applyListeners, checkClock } from "./reports.ts";

/**
 * Accepts a hello. Brings up the site's links and replaces an older uplink of the process. Marks the site up,
 * announces its offers, and sends it everything that it sees.
 * @throws FairleadError `uplink.version`, `uplink.malformed`, `uplink.replaced`, `site.revoked`
 */
export async function acceptHello(context: Context, uplink: Uplink, hello: Hello): Promise<void> {
  const { settings, store, uplinks } = context;
  const version = versionOf(uplink, hello);
  const proofs = await proveLinks(context, memberOf(context, uplink), hello.links);

  // No await from here on. State read earlier may have changed: the site may be revoked, or the uplink
  // closed.
  if (readAttachment(uplink.socket)?.ended !== false) return;
  const site = memberOf(context, uplink);
  const network = store.network.get();
  if (!network) throw new FairleadError("network.unknown");
  const before = linkStatusesOf(context, [site.id]);
  const known = uplinks.newestOf(uplink.attachment) !== null;
  const present = replaceOlder(context, uplink);
  uplinks.update(uplink.socket, {
    ...uplink.attachment,
    presentSince: present,
    software: hello.software,
    features: knownFeatures(hello),
    ...proofs,
  });
  store.departures.forget(uplink.attachment);

  const { missed, revision, orphans, after } = store.transaction(() => {
    const now = context.now();
    recordUp(context, site, known);
    if (!known) recordSharedBoot(context, site, hello.boot);
    const statuses = linkStatusesOf(context, [site.id]);
    recordLinkEvents(context, before, statuses, () => site.id);
    if (hello.time !== undefined) checkClock(context, site, hello.time, now);
    const applied = applyHello(context, site, hello, now);
    return {
      after: statuses,
      ...applied,
      missed: reconcileSessions(context, uplink.attachment, hello.sessions, now),
    };
  });

  sendWelcome(context, uplink, {
    type: "welcome",
    version,
    features: [...EDGE_FEATURES],
    network: { id: network.id, name: network.name },
    site: { id: site.id, name: site.name },
    time: context.now(),
    ...(settings.lanePort === null ? {} : { lanePort: settings.lanePort }),
    ...linksOf(context, site.id),
    ...offerDecisions(context, uplink.attachment),
    services: currentVisibility(context).of(site.id, knownFeatures(hello)),
  });
  if (revision) announceRevision(context, revision, uplink.attachment);
  if (hello.ingress !== undefined) declareIngress(context, uplink.attachment, hello.ingress, true);
  announceLinkStatuses(context, before, after, uplink);
  sendCuts(context, uplink, hello.sessions);
  for (const { session, waiting } of orphans) {
    const peer = uplinks.newestOf(waiting);
    if (peer) uplinks.send(peer, { type: "session.cut", session, code: "session.unknown" });
  }
  for (const session of missed) await sendOffer(context, session, uplink.attachment);
}

/** The version of the conversation. @throws FairleadError `uplink.version`, `uplink.malformed` */
function versionOf(uplink: Uplink, hello: Hello): number {
  const version = negotiate(UPLINK_VERSIONS, hello.versions);
  if (version === null) {
    throw new FairleadError(
      "uplink.version",
      `The edge supports versions ${UPLINK_VERSIONS.min} to ${UPLINK_VERSIONS.max}, the connector ${hello.versions.min} to ${hello.versions.max}.`,
    );
  }
  if (hello.boot !== uplink.attachment.boot) {
    throw new FairleadError("uplink.malformed", "The hello and the assertion name different processes.");
  }
  return version;
}

/** The features of a connector that decide what it is shown. */
function knownFeatures({ features = [] }: Hello): string[] {
  return CONNECTOR_FEATURES.filter((feature) => features.includes(feature));
}

/** Sends the welcome. Parts above the message limit follow in messages of their own. */
function sendWelcome({ uplinks }: Context, uplink: Uplink, welcome: Welcome): void {
  const { refused, ports } = welcome;
  const length = JSON.stringify({ ...welcome, services: [] }).length;
  const sendsRefusedApart = length > MAX_MESSAGE;
  const used = length - (sendsRefusedApart ? JSON.stringify({ refused, ports }).length : 0);
  const [services = [], ...rest] = splitServices(welcome.services, used);
  uplinks.send(uplink, {
    ...welcome,
    services,
    ...(sendsRefusedApart ? { refused: [], ports: undefined } : {}),
    ...(rest.length > 0 ? { more: true } : {}),
  });
  for (const [index, put] of rest.entries()) {
    const last = index === rest.length - 1 ? ({ complete: true } as const) : {};
    uplinks.send(uplink, { type: "services", put, gone: [], ...last });
  }
  if (sendsRefusedApart) uplinks.send(uplink, { type: "offers.refused", refused, ports });
}

/** Records that the site, or another of its instances, is up. */
function recordUp(context: Context, site: SiteRow, known: boolean): void {
  const facts = { site: site.name, actor: site.name, owner: site.id };
  if (site.state !== "up") {
    context.store.sites.setState(site.id, "up", context.now());
    context.event("site.up", `Site ${site.name} is up.`, facts);
  } else if (!known) {
    context.event("uplink.up", `Another instance of site ${site.name} is up.`, facts);
  }
}

/**
 * Records an event if another site uses the same boot id. Boot ids are random, so one of the two was copied.
 * A copy is harmless, because instances are identified by site and boot id. The later site is not refused: a
 * copy could otherwise block an absent site.
 */
function recordSharedBoot(context: Context, site: SiteRow, boot: string): void {
  const [other] = context.uplinks.sharingBoot({ site: site.id, boot });
  const first = other && context.store.sites.get(other.attachment.site);
  if (!first) return;
  const text = `Site ${site.name} uses the boot id of a process of site ${first.name}. One of the two copied it.`;
  context.eventOnce("uplink.contested", text, {
    site: site.name,
    actor: site.name,
    owner: site.id,
  });
}

/**
 * Deletes the sessions that the process does not hold. Their peers learn this when they resume. Returns
 * pending sessions whose offer the process may have missed.
 */
function reconcileSessions(
  context: Context,
  instance: InstanceId,
  named: readonly string[],
  now: number,
): string[] {
  const { sessions } = context.store;
  const held = new Set(named);
  const missed: string[] = [];
  for (const session of sessions.ofInstance(instance)) {
    const decision = decideHello(session, held.has(session.id), now);
    if (decision === "forget") sessions.delete(session.id);
    else if (session.awaySince !== null) sessions.setAway(session.id, null);
    if (decision === "offer") missed.push(session.id);
  }
  return missed;
}

/** Notifies a process of its sessions that were cut during its absence. */
function sendCuts(context: Context, uplink: Uplink, held: readonly string[]): void {
  for (const session of held) {
    const code = context.store.cuts.codeOf(session, uplink.attachment);
    if (code !== null) context.uplinks.send(uplink, { type: "session.cut", session, code });
  }
}

/** @throws FairleadError `site.revoked` */
function memberOf(context: Context, uplink: Uplink): SiteRow {
  const site = context.store.sites.get(uplink.attachment.site);
  if (!site || site.state === "revoked") throw new FairleadError("site.revoked");
  return site;
}

/**
 * Closes older uplinks of the same process: only its newest established uplink stays. Returns since when the
 * process has had an uplink without a gap, ms since 1970. Replacing a live uplink leaves no gap.
 * @throws FairleadError `uplink.replaced` if this uplink is not the newest
 */
function replaceOlder(context: Context, uplink: Uplink): number {
  const { counter, openedAt } = uplink.attachment;
  let present = openedAt;
  for (const other of context.uplinks.ofInstance(uplink.attachment)) {
    if (other.attachment.counter < counter) {
      const isLive = isEstablished(other.attachment) && context.uplinks.isAlive(other, context.now());
      if (isLive) present = Math.min(present, presentSince(other.attachment));
      context.uplinks.refuse(other, "uplink.replaced");
    } else if (other.attachment.counter > counter && isEstablished(other.attachment)) {
      throw new FairleadError("uplink.replaced");
    }
  }
  return present;
}

/**
 * Applies an instance's offers and listeners. A new process (a restart has a new boot id) replaces the absent
 * instances of its site. A known process replaces none: after a restart of the edge, its replicas may still
 * be connecting. The revision is null if no offer changed. Also returns the sessions of replaced instances,
 * with the peers that would wait in vain.
 */
function applyHello(
  context: Context,
  site: SiteRow,
  hello: Hello,
  now: number,
): { revision: OfferRevision | null; orphans: { session: string; waiting: InstanceId }[] } {
  const { store, uplinks } = context;
  const { boot } = hello;
  const offers = store.offers.withKnownDetails(site.id, hello.offers);
  const self = { site: site.id, boot };
  const left = store.instances(site.id);
  const known = left.some((other) => isSameInstance(other, self));
  const gone = known ? [] : left.filter((other) => uplinks.ofInstance(other).length === 0);
  applyListeners(context, site, self, hello.listeners);
  if (gone.length === 0 && store.offers.hasExactly(self, offers)) {
    store.offers.clearLost(self);
    return { revision: null, orphans: [] };
  }
  const reason = ({ instance }: StoredOffer) =>
    isSameInstance(instance, self)
      ? `site ${site.name} withdrew it`
      : `site ${site.name} started again without it`;
  const orphans = gone.flatMap((other) =>
    store.sessions.ofInstance(other).map((held) => ({ session: held.id, waiting: peerOf(held, other) })),
  );
  const revision = reviseOffers(context, { reason, owner: site.id }, () => {
    store.offers.replace(self, offers, now);
    for (const other of gone) store.dropInstance(other);
  });
  return { revision, orphans };
}

/** Verifies the link certificates of a hello against the links of the site. */
async function proveLinks(
  context: Context,
  site: SiteRow,
  presented: readonly string[],
): Promise<Pick<Attachment, "links" | "unproven">> {
  const { store } = context;
  const certificates = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const text of presented) {
    const certificate = decodeBase64(text);
    const id = certificate && linkIdOf(certificate);
    if (certificate && id) certificates.set(id, certificate);
  }
  const links: string[] = [];
  const unproven: Record<string, string> = {};
  for (const link of store.links.of(site.id)) {
    const certificate = certificates.get(link.id);
    try {
      if (!certificate || site.keyHash === null) throw new FairleadError("certificate.required");
      await context.authorities.verifyLink(certificate, link, site.keyHash, context.now());
      links.push(link.id);
    } catch (thrown) {
      unproven[link.id] = asFairleadError(thrown, "certificate.untrusted").code;
    }
  }
  return { links, unproven };
}
