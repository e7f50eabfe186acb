/** New certificates for a site's registered key, over its uplink or after a long sleep. */

import { encodeBase64 } from "../../../protocol/encoding.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { RENEWABLE_MS } from "../../../protocol/uplink/assertions.ts";
import type { Renewal } from "../../../protocol/uplink/messages.ts";
import { SITE_CERTIFICATE_MS } from "../../authority/certificates.ts";
import type { Identity } from "../../authority/identity.ts";
import { readCertificate } from "../../authority/x509.ts";
import type { Context } from "../context/context.ts";
import type { RegistrySettings } from "../context/settings.ts";
import { hasJoined, type LinkRow, type MemberRow, type SiteRow } from "../store/store.ts";
import { memberOf, noteAssertion } from "./membership.ts";

/** A longer one is not what an edge makes; connectors keep the one they have. */
const MAX_CA = 8192;

/** A certificate is not renewed before it has lived for this part of its life: the one that is there is the answer. */
const YOUNG = 0.25;

/** Nor is a link's, before half of its life is over. */
const LINK_YOUNG = 0.5;

const isYoung = (notAfter: number, now: number, part: number) =>
  notAfter - now > SITE_CERTIFICATE_MS * (1 - part) && notAfter - now <= SITE_CERTIFICATE_MS;

/**
 * Certificates for a site: its own and its links'. New ones, unless those that it has are young. The old ones stay good
 * until they end, so that the new uplink can be up before the old one goes. A link that was revoked while this was
 * signing gets none.
 * @param notAfter the end of the certificate that the site asks with, ms since 1970; null signs in any case
 * @throws FairleadError `site.revoked`, `uplink.limited`
 */
export async function renew(context: Context, site: SiteRow, notAfter: number | null): Promise<Renewal> {
  if (!hasJoined(site)) throw new FairleadError("site.revoked");
  const { store, authorities, settings } = context;
  const asksEarly = notAfter !== null && isYoung(notAfter, context.now(), YOUNG);
  const young = asksEarly ? currentCertificates(context, site) : null;
  if (young) return young;
  context.spend(site.id, "renewal");
  for (;;) {
    const now = context.now();
    const signed = await authorities.signSite(site, now);
    const links = new Map<string, Awaited<ReturnType<typeof authorities.signLink>>>();
    for (const row of activeLinks(context, site.id)) {
      links.set(row.id, await authorities.signLink(row, site.publicKey, now));
    }
    const written = store.transaction((): LinkRow[] | null => {
      const member = store.sites.get(site.id);
      if (!member || member.state === "revoked") throw new FairleadError("site.revoked");
      const rows = activeLinks(context, site.id);
      const fits = rows.every((row) => {
        const made = links.get(row.id);
        return made !== undefined && authorities.holds(row.issuer, made.authority);
      });
      // Another link, or another CA of an issuer: what was signed is not what is to be had any more.
      if (!fits) return null;
      store.certificates.put({
        serial: signed.serial,
        site: site.id,
        certificate: signed.certificate,
        notAfter: signed.notAfter,
      });
      store.certificates.prune(now - RENEWABLE_MS);
      for (const { id } of rows) {
        const made = links.get(id);
        if (made) store.links.setCertificate(id, made.certificate);
      }
      context.event("certificate.renewed", `The certificates of site ${member.name} were renewed.`, {
        site: member.name,
        actor: member.name,
        owner: member.id,
      });
      return rows;
    });
    if (!written) continue;
    return {
      certificate: encodeBase64(signed.certificate),
      authority: encodeBase64(signed.authority),
      links: written.flatMap(({ id }) => {
        const made = links.get(id);
        return made ? [{ id, certificate: encodeBase64(made.certificate) }] : [];
      }),
      ...deploymentCaOf(settings),
    };
  }
}

const deploymentCaOf = ({ deploymentCa: ca }: RegistrySettings) => (ca.length > MAX_CA ? {} : { ca });

/** The certificates that a site has, while all of them are young; null when something is to be signed. */
function currentCertificates(context: Context, site: MemberRow): Renewal | null {
  const { store, settings } = context;
  const now = context.now();
  const own = store.certificates.newestOf(site.id);
  const network = store.network.get();
  if (context.authorities.networkNearsEnd(now)) return null;
  if (!network || !own || own.revokedAt !== null || own.certificate.length === 0) return null;
  if (!isYoung(own.notAfter, now, YOUNG)) return null;
  const links = activeLinks(context, site.id);
  const allYoung = links.every(({ certificate }) => {
    const end = readCertificate(certificate)?.notAfter;
    return end !== undefined && isYoung(end, now, LINK_YOUNG);
  });
  if (!allYoung) return null;
  return {
    certificate: encodeBase64(own.certificate),
    authority: encodeBase64(network.certificate),
    links: links.map(({ id, certificate }) => ({ id, certificate: encodeBase64(certificate) })),
    ...deploymentCaOf(settings),
  };
}

/**
 * The same for whoever proved a site on the API. A refusal is an event.
 * @throws FairleadError `site.revoked`, `certificate.revoked`, `assertion.replayed`
 */
export async function renewOverApi(context: Context, identity: Identity): Promise<Renewal> {
  try {
    const site = memberOf(context, identity);
    noteAssertion(context, identity, "renew");
    return await renew(context, site, null);
  } catch (thrown) {
    if (thrown instanceof FairleadError) {
      const site = context.store.sites.get(identity.siteId);
      const text = `A renewal for site ${site?.name ?? "?"} was refused: ${thrown.message}`;
      context.eventOnce("uplink.refused", text, { site: site?.name, code: thrown.code, owner: site?.id });
    }
    throw thrown;
  }
}

function activeLinks(context: Context, joiner: string): LinkRow[] {
  return context.store.links.of(joiner).filter((link) => link.revokedAt === null);
}
