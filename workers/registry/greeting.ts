/** What happens when an instance says hello on its uplink, and when the uplink goes. */
import { decodeBase64 } from "../../protocol/encoding.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { Hello, LinkReport, ListenerReport, Offer } from "../../protocol/messages.ts";
import { negotiate, UPLINK_VERSIONS } from "../../protocol/versions.ts";
import { linkIdOf } from "../authority/certificates.ts";
import { announceServices } from "./announcements.ts";
import { writeAttachment } from "./attachment.ts";
import type { Context } from "./context.ts";
import { NETWORK_NODE, visibleServices } from "./reachability.ts";
import type { SiteRow } from "./store.ts";
import type { Uplink } from "./uplinks.ts";

/**
 * Accepts a hello: links are brought up, an older uplink of the same process is replaced, the site is up, its
 * offers are known to all who may see them, and it learns what it sees.
 * @throws FairleadError `uplink.version`, `site.revoked`
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
  const site = store.site(uplink.attachment.site);
  const network = store.network();
  if (!network || !site || site.state === "revoked") throw new FairleadError("site.revoked");

  const reports = await proveLinks(context, site, hello.links);
  const now = context.now();

  for (const other of uplinks.ofBoot(hello.boot)) {
    if (other.socket !== uplink.socket) uplinks.refuse(other, "uplink.replaced");
  }
  const attachment = {
    ...uplink.attachment,
    software: hello.software,
    links: reports.filter((report) => report.state === "up").map((report) => report.id),
  };
  writeAttachment(uplink.socket, attachment);

  const changed = new Set<string>();
  store.transaction(() => {
    if (site.state !== "up") {
      store.setSiteState(site.id, "up", now);
      context.event("site.up", `Site ${site.name} is up.`, { site: site.name, actor: site.name });
      for (const link of reports) reportLink(context, site, link);
    }
    const held = new Set(hello.sessions);
    for (const session of store.sessionsOfBoot(hello.boot)) {
      if (!held.has(session.id)) store.deleteSession(session.id);
    }
    for (const name of takeOffers(context, site, hello.boot, hello.offers, now)) changed.add(name);
    // A process that was restarted comes with a new boot id: what its predecessor offered is over.
    for (const boot of store.offeringBoots(site.id)) {
      if (boot === hello.boot || uplinks.ofBoot(boot).length > 0) continue;
      for (const offer of store.offers()) if (offer.instance.boot === boot) changed.add(offer.service);
      store.replaceOffers(site.id, boot, [], now);
      store.dropInstance(boot);
    }
    takeListeners(context, site, hello.boot, hello.listeners);
  });

  uplinks.send(uplink, {
    type: "welcome",
    version,
    network: { id: network.id, name: network.name },
    site: { id: site.id, name: site.name },
    time: now,
    links: reports,
    services: visibleServices(site.id, store.offers(), context.reachability()),
  });
  announceServices(context, changed, uplink.socket);
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
  for (const link of store.linksOf(site.id)) {
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

/** How an issuer is called: "network", or the site's name. */
export function issuerName(context: Context, issuer: string): string {
  return issuer === NETWORK_NODE ? NETWORK_NODE : (context.store.site(issuer)?.name ?? issuer);
}

function reportLink(context: Context, site: SiteRow, link: LinkReport): void {
  const what = `Link ${link.name} of site ${site.name} to ${link.issuer}`;
  if (link.state === "up") context.event("link.up", `${what} is up.`, { site: site.name });
  else context.event("link.down", `${what} is down.`, { site: site.name, code: link.code });
}

/** Takes an instance's offers, and tells which services changed. */
export function takeOffers(
  context: Context,
  site: SiteRow,
  boot: string,
  offers: readonly Offer[],
  now: number,
): string[] {
  const { store } = context;
  const before = store.offers();
  const changed = store.replaceOffers(site.id, boot, offers, now);
  const after = store.offers();
  for (const name of changed) {
    const had = before.filter((offer) => offer.service === name);
    const has = after.filter((offer) => offer.service === name);
    const facts = { site: site.name, actor: site.name };
    if (had.length === 0 && has.length > 0) {
      context.event("service.appeared", `Site ${site.name} offers service ${name}.`, facts);
    } else if (has.length === 0 && had.length > 0) {
      context.event(
        "service.gone",
        `Service ${name} is offered no more: site ${site.name} withdrew it.`,
        facts,
      );
    } else if (
      !had.some((offer) => offer.instance.site === site.id) &&
      has.some((offer) => offer.instance.site === site.id)
    ) {
      const others = new Set(had.map((offer) => offer.instance.siteName));
      context.event(
        "service.contested",
        `Site ${site.name} begins to offer service ${name}, as ${[...others].join(", ")} already does.`,
        facts,
      );
    }
  }
  return changed;
}

/** Takes an instance's listeners; one that newly fails, or works again, is an event. */
export function takeListeners(
  context: Context,
  site: SiteRow,
  boot: string,
  reports: readonly ListenerReport[],
): void {
  const before = new Map(
    context.store.replaceListeners(site.id, boot, reports).map((report) => [report.service, report]),
  );
  for (const report of reports) {
    const known = before.get(report.service);
    const where = `Listener ${report.address} for service ${report.service} at site ${site.name}`;
    const facts = { site: site.name, code: report.code, actor: site.name };
    if (report.state === "failed" && (known?.state !== "failed" || known.code !== report.code)) {
      context.event(
        "listener.failed",
        `${where} failed: ${report.message ?? report.code ?? "unknown"}.`,
        facts,
      );
    } else if (report.state === "listening" && known?.state === "failed") {
      context.event("listener.restored", `${where} works again.`, facts);
    }
  }
}

/** An instance said goodbye: its offers go at once, not after the grace that a lost uplink has. */
export function sayGoodbye(context: Context, uplink: Uplink): void {
  const { store } = context;
  const site = store.site(uplink.attachment.site);
  if (!site) return;
  const changed = store.transaction(() => {
    const names = takeOffers(context, site, uplink.attachment.boot, [], context.now());
    store.dropInstance(uplink.attachment.boot);
    return names;
  });
  announceServices(context, changed, uplink.socket);
}

/** An uplink went. The site is down when it was its last; its offers stay for a grace. */
export function part(context: Context, uplink: Uplink, code: string): void {
  const { store, uplinks } = context;
  const { boot, site: id } = uplink.attachment;
  const site = store.site(id);
  if (!site || site.state === "revoked" || uplink.attachment.software === null) return;
  const now = context.now();
  const others = (list: Uplink[]) =>
    list.filter((other) => other.socket !== uplink.socket && other.attachment.software !== null);
  if (others(uplinks.ofBoot(boot)).length === 0) store.markOffersLost(boot, now);
  if (others(uplinks.ofSite(id)).length > 0 || site.state === "down") return;
  store.setSiteState(id, "down", now);
  context.event("site.down", `Site ${site.name} is down.`, { site: site.name, code });
  for (const link of store.linksOf(id)) {
    if (!uplink.attachment.links.includes(link.id)) continue;
    const what = `Link ${link.name} of site ${site.name} to ${issuerName(context, link.issuer)}`;
    context.event("link.down", `${what} is down.`, { site: site.name, code });
  }
}
