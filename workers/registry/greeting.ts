/** What happens when an instance says hello on its uplink. */
import { decodeBase64 } from "../../protocol/encoding.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { EDGE_FEATURES, type Hello, type LinkReport } from "../../protocol/messages.ts";
import { negotiate, UPLINK_VERSIONS } from "../../protocol/versions.ts";
import { linkIdOf } from "../authority/certificates.ts";
import { announceServices } from "./announcements.ts";
import { readAttachment, writeAttachment } from "./attachment.ts";
import type { Context } from "./context.ts";
import { decideHello } from "./decisions.ts";
import { offer } from "./invitations.ts";
import { visibleServices } from "./reachability.ts";
import { takeListeners, takeOffers } from "./reports.ts";
import type { SiteRow } from "./store/store.ts";
import type { Uplink } from "./uplinks.ts";
import { issuerName } from "./views.ts";

/**
 * Accepts a hello: links are brought up, an older uplink of the same process is replaced, the site is up, its
 * offers are known to all who may see them, and it learns what it sees.
 * @throws FairleadError `uplink.version`, `uplink.malformed`, `uplink.replaced`, `site.revoked`
 */
export async function greet(context: Context, uplink: Uplink, hello: Hello): Promise<void> {
  const { store, uplinks } = context;
  const version = negotiate(UPLINK_VERSIONS, hello.versions);
  if (version === null) {
    throw new FairleadError(
      "uplink.version",
      `The edge speaks versions ${UPLINK_VERSIONS.min} to ${UPLINK_VERSIONS.max}, the connector ${hello.versions.min} to ${hello.versions.max}.`,
    );
  }
  if (hello.boot !== uplink.attachment.boot) {
    throw new FairleadError("uplink.malformed", "The hello names another process than the assertion.");
  }
  const reports = await proveLinks(context, memberOf(context, uplink), hello.links);

  // From here on nothing waits. What was read before may have changed: the site revoked, the uplink gone.
  if (readAttachment(uplink.socket)?.ended !== false) return;
  const site = memberOf(context, uplink);
  const network = store.network.get();
  if (!network) throw new FairleadError("network.unknown");
  const now = context.now();
  replaceOlder(context, uplink);
  writeAttachment(uplink.socket, {
    ...uplink.attachment,
    software: hello.software,
    links: reports.filter((report) => report.state === "up").map((report) => report.id),
  });

  const unheard: string[] = [];
  const changed = store.transaction(() => {
    if (site.state !== "up") {
      store.sites.setState(site.id, "up", now);
      context.event("site.up", `Site ${site.name} is up.`, { site: site.name, actor: site.name });
      for (const link of reports) reportLink(context, site, link);
    }
    const left = store.instances(site.id);
    unheard.push(...takeHeld(context, hello, now));
    const names = takeOffers(context, site, hello.boot, hello.offers, now);
    takeListeners(context, site, hello.boot, hello.listeners);
    return left.includes(hello.boot) ? names : [...names, ...succeed(context, site, hello.boot, left)];
  });

  uplinks.send(uplink, {
    type: "welcome",
    version,
    features: [...EDGE_FEATURES],
    network: { id: network.id, name: network.name },
    site: { id: site.id, name: site.name },
    time: now,
    links: reports,
    services: visibleServices(site.id, store.offers.all(), context.reachability()),
  });
  announceServices(context, site.id, changed);
  tellCuts(context, uplink, hello.sessions);
  for (const session of unheard) await offer(context, session, hello.boot);
}

/**
 * Forgets the sessions that a process does not hold any more: what its peer still holds of them is told so when it
 * resumes. Gives those that the process may not have heard of.
 */
function takeHeld(context: Context, hello: Hello, now: number): string[] {
  const { sessions } = context.store;
  const held = new Set(hello.sessions);
  const unheard: string[] = [];
  for (const session of sessions.ofBoot(hello.boot)) {
    const decision = decideHello(session, held.has(session.id), now);
    if (decision === "forget") sessions.delete(session.id);
    else if (session.awaySince !== null) sessions.setAway(session.id, null);
    if (decision === "offer") unheard.push(session.id);
  }
  return unheard;
}

/** Tells a process which of its sessions were cut while it was away. */
function tellCuts(context: Context, uplink: Uplink, held: readonly string[]): void {
  for (const session of held) {
    const code = context.store.cuts.codeOf(session);
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
 * One process has one uplink: its newest, once that said hello.
 * @throws FairleadError `uplink.replaced` when this one is not the newest
 */
function replaceOlder(context: Context, uplink: Uplink): void {
  const { counter, boot } = uplink.attachment;
  for (const other of context.uplinks.ofBoot(boot)) {
    if (other.attachment.counter < counter) context.uplinks.refuse(other, "uplink.replaced");
    else if (other.attachment.counter > counter && other.attachment.software !== null) {
      throw new FairleadError("uplink.replaced");
    }
  }
}

/**
 * A process that was not here before takes the place of those of its site that are gone: a restart comes with
 * a new boot id. One that comes back takes nobody's: after an edge restart its replicas are still on their way.
 * Gives the names of services that changed by it.
 */
function succeed(context: Context, site: SiteRow, boot: string, left: readonly string[]): string[] {
  const { store, uplinks } = context;
  const gone = new Set(left.filter((other) => other !== boot && uplinks.ofBoot(other).length === 0));
  if (gone.size === 0) return [];
  const dropped = store.offers.all().filter((offer) => gone.has(offer.instance.boot));
  for (const other of gone) store.dropInstance(other);
  const remaining = new Set(store.offers.all().map((offer) => offer.service));
  const names = [...new Set(dropped.map((offer) => offer.service))];
  for (const name of names) {
    if (remaining.has(name)) continue;
    const text = `Service ${name} is offered no more: site ${site.name} started again without it.`;
    context.event("service.gone", text, { site: site.name, actor: site.name });
  }
  return names;
}

/** Checks the link certificates that a hello presents, against the links that the site has. */
async function proveLinks(
  context: Context,
  site: SiteRow,
  presented: readonly string[],
): Promise<LinkReport[]> {
  const { store } = context;
  const certificates = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const text of presented) {
    const certificate = decodeBase64(text);
    const id = certificate && linkIdOf(certificate);
    if (certificate && id) certificates.set(id, certificate);
  }
  const reports: LinkReport[] = [];
  for (const link of store.links.of(site.id)) {
    const issuer = issuerName(context, link.issuer);
    const base = { id: link.id, name: link.name, issuer };
    const certificate = certificates.get(link.id);
    try {
      if (!certificate) throw new FairleadError("certificate.required");
      await context.authorities.verifyLink(certificate, link, site.keyHash, context.now());
      reports.push({ ...base, state: "up" });
    } catch (thrown) {
      reports.push({ ...base, state: "down", code: asFairleadError(thrown, "certificate.untrusted").code });
    }
  }
  return reports;
}

function reportLink(context: Context, site: SiteRow, link: LinkReport): void {
  const what = `Link ${link.name} of site ${site.name} to ${link.issuer}`;
  if (link.state === "up") context.event("link.up", `${what} is up.`, { site: site.name });
  else context.event("link.down", `${what} is down.`, { site: site.name, code: link.code });
}
