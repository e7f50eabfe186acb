/**
 * Membership of a verified identity. The Worker has verified its certificates; the registry checks its own
 * records.
 */

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
    certificates.put(site.id, { serial, certificate: new Uint8Array(), notAfter });
    return site;
  }
  if (certificate?.site !== site.id || certificate.revokedAt !== null) {
    throw new FairleadError("certificate.revoked");
  }
  return site;
}

/**
 * Whether an unknown certificate may have been issued after the backup from which this network was restored.
 * Its chain and key are verified, so the site renewed it at the lost edge.
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
