/** The chain of a site certificate: the leaf, the network CA and the deployment CA. */

import { FairleadError } from "../../protocol/errors.ts";
import { NetworkId, SiteId } from "../../protocol/ids.ts";
import { parseSiteUri } from "../../protocol/names.ts";
import { CLOCK_TOLERANCE_SECONDS } from "../../protocol/uplink/assertions.ts";
import { type Certificate, EKU, readAuthority, readCertificate } from "./x509.ts";

const TOLERANCE_MS = CLOCK_TOLERANCE_SECONDS * 1000;

/** The SPIFFE URI in the SAN of a network CA. */
export function networkUri(networkId: string): string {
  return `spiffe://${networkId}`;
}

/** The site that a valid chain proves. */
export interface ProvenSite {
  readonly networkId: string;
  readonly siteId: string;
  readonly uri: string;
  readonly leaf: Certificate;
}

export interface ChainOptions {
  readonly deploymentCa: Certificate;
  /** ms since 1970 */
  readonly now: number;
  /** How long after its expiry the leaf is accepted, ms; 0 unless given. */
  readonly allowExpiredMs?: number;
}

/**
 * Verifies the chain of a site certificate up to the deployment CA.
 * @param chain DER: the leaf, then the network CA; any other number of certificates is refused
 * @throws FairleadError certificate.untrusted, certificate.wrong_network, certificate.expired,
 *   certificate.too_old
 */
export async function verifyChain(
  chain: readonly Uint8Array[],
  { deploymentCa, now, allowExpiredMs }: ChainOptions,
): Promise<ProvenSite> {
  const [leafDer, authorityDer] = chain;
  if (chain.length !== 2 || leafDer === undefined || authorityDer === undefined) {
    throw untrusted("the chain is not a site certificate and the CA of its network");
  }
  const leaf = readCertificate(leafDer);
  const authority = readAuthority(authorityDer);
  if (leaf === null || authority === null) throw untrusted("a certificate is malformed or not P-256");

  await checkNetworkCa(authority, deploymentCa);
  const networkId = onlyUri(authority)?.replace(/^spiffe:\/\//, "") ?? "";
  if (!NetworkId.safeParse(networkId).success) throw untrusted("the CA names no network");

  if (leaf.issuer !== authority.subject || !(await leaf.isSignedBy(authority))) {
    throw untrusted("the site certificate is not signed by the network CA sent with it");
  }
  if (leaf.isAuthority) throw untrusted("a CA is not a site certificate");
  if (!leaf.extendedKeyUsages.includes(EKU.clientAuth))
    throw untrusted("the site certificate is not for client authentication");
  const uri = onlyUri(leaf);
  const site = uri === null ? null : parseSiteUri(uri);
  if (uri === null || site === null || !SiteId.safeParse(site.siteId).success) {
    throw untrusted("the site certificate names no site");
  }
  if (site.networkId !== networkId) throw new FairleadError("certificate.wrong_network");

  checkValidity(authority, now, 0);
  checkValidity(leaf, now, allowExpiredMs ?? 0);
  return { networkId, siteId: site.siteId, uri, leaf };
}

/** Checks that a network CA is signed by the deployment CA and may sign certificates. */
async function checkNetworkCa(authority: Certificate, deploymentCa: Certificate): Promise<void> {
  if (authority.issuer !== deploymentCa.subject || !(await authority.isSignedBy(deploymentCa))) {
    throw untrusted("the network CA is not signed by this edge's deployment CA");
  }
  if (!authority.isAuthority || !authority.maySignCertificates) throw untrusted("the issuer is not a CA");
}

/**
 * Checks the validity period of a certificate.
 * @param allowExpiredMs how long after its expiry a certificate is accepted
 * @throws FairleadError certificate.expired; certificate.too_old when an allowance is exceeded
 */
export function checkValidity(certificate: Certificate, now: number, allowExpiredMs: number): void {
  if (now < certificate.notBefore - TOLERANCE_MS) {
    throw new FairleadError(
      "certificate.expired",
      `By the edge's clock (${isoOf(now)}), the certificate is not valid before ${isoOf(certificate.notBefore)}.`,
      {
        action:
          "Correct the clock of the edge: it is behind the time at which the edge issued the certificate.",
      },
    );
  }
  if (now <= certificate.notAfter + TOLERANCE_MS + allowExpiredMs) return;
  const expired = `The certificate expired at ${isoOf(certificate.notAfter)}; the edge's clock says ${isoOf(now)}.`;
  throw new FairleadError(allowExpiredMs > 0 ? "certificate.too_old" : "certificate.expired", expired);
}

const isoOf = (ms: number) => new Date(ms).toISOString();

/** The URI in the SAN; null unless it is the only name there. */
export function onlyUri(certificate: Certificate): string | null {
  const [name, ...rest] = certificate.names;
  return name?.type === "url" && rest.length === 0 ? name.value : null;
}

function untrusted(why: string): FairleadError {
  return new FairleadError("certificate.untrusted", `The certificate is not trusted: ${why}.`);
}
