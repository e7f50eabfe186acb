/**
 * Renewal of certificates for a site's registered key, over its uplink or on the API after a long absence.
 */

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

/** Longest deployment CA that is sent, characters. Connectors keep theirs if it is omitted. */
const MAX_CA = 8192;

/**
 * Fraction of its life before which a site certificate is not renewed. The present one is returned instead.
 */
const YOUNG = 0.25;

/** Fraction of its life before which a link certificate is not renewed. */
const LINK_YOUNG = 0.5;

const isYoung = (notAfter: number, now: number, part: number) =>
  notAfter - now > SITE_CERTIFICATE_MS * (1 - part) && notAfter - now <= SITE_CERTIFICATE_MS;

/**
 * Renews the site certificate and the link certificates of a site. Returns the present ones if all of them
 * are young. Old certificates stay valid until they expire, so that the new uplink is up before the old one
 * closes. A link that is revoked during signing gets no certificate.
 * @param notAfter the end of the certificate that the site presented, ms since 1970; null always signs new
 * ones
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
      // A link was added, or an issuer has a new CA: the signed certificates are outdated, so sign again.
      if (!fits) return null;
      store.certificates.put(site.id, signed);
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

/** The present certificates of a site if all of them are young; null if any needs signing. */
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
 * Renews for a site that proved itself on the API. A refusal is recorded as an event.
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
