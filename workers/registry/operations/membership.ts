/** Whom a verified identity stands for: the Worker has checked its certificates, here it counts what is known of them. */

import { FairleadError } from "../../../protocol/errors.ts";
import type { Purpose } from "../../../protocol/uplink/assertions.ts";
import { SITE_CERTIFICATE_MS } from "../../authority/certificates.ts";
import type { Identity } from "../../authority/identity.ts";
import type { Context } from "../context/context.ts";
import { hasJoined, type MemberRow } from "../store/store.ts";

/** @throws FairleadError `site.revoked`, `certificate.revoked` */
export function memberOf(context: Context, identity: Identity): MemberRow {
  const { sites, certificates } = context.store;
  const site = sites.get(identity.siteId);
  if (!site || site.state === "revoked") throw new FairleadError("site.revoked");
  if (!hasJoined(site) || site.keyHash !== identity.keyHash) throw new FairleadError("certificate.revoked");
  const certificate = certificates.get(identity.serial);
  if (certificate === null && issuedBeforeRestoring(context, identity)) {
    const { serial, notAfter } = identity;
    certificates.put({ serial, site: site.id, certificate: new Uint8Array(), notAfter });
    return site;
  }
  if (certificate?.site !== site.id || certificate.revokedAt !== null) {
    throw new FairleadError("certificate.revoked");
  }
  return site;
}

/**
 * Whether a certificate that nobody here knows may have been issued after the backup that this network was restored
 * from. Its chain is good and its key is the site's: the site renewed it at the edge that was lost.
 */
function issuedBeforeRestoring({ store }: Context, { notAfter }: Identity): boolean {
  const restoredAt = store.network.restoredAt();
  return restoredAt !== null && notAfter - SITE_CERTIFICATE_MS <= restoredAt;
}

/** @throws FairleadError `assertion.replayed` */
export function noteAssertion(context: Context, { siteId, boot, counter }: Identity, purpose: Purpose): void {
  if (!context.store.assertions.note(siteId, boot, purpose, counter, context.now())) {
    throw new FairleadError("assertion.replayed");
  }
}
