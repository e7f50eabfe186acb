/** The chain of a site certificate: leaf, network CA, deployment CA, and nothing else. */

import { FairleadError } from "../../protocol/errors.ts";
import { NetworkId, SiteId } from "../../protocol/ids.ts";
import { parseSiteUri } from "../../protocol/names.ts";
import { CLOCK_TOLERANCE_SECONDS } from "../../protocol/uplink/assertions.ts";
import { type Certificate, EKU, readCertificate } from "./x509.ts";

const TOLERANCE_MS = CLOCK_TOLERANCE_SECONDS * 1000;

/** SPIFFE URI in the SAN of a network CA. */
export function networkUri(networkId: string): string {
  return `spiffe://${networkId}`;
}

/** What a good chain proves about the leaf. */
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
  /** How long after its end the leaf is still good (renewal after a long sleep); 0 when left out. */
  readonly allowExpiredMs?: number;
}

/**
 * Checks a site certificate against exactly this deployment CA.
 * @param chain DER: the leaf, then the network CA; any other number is refused.
 * @throws FairleadError certificate.untrusted, certificate.wrong_network, certificate.expired,
 *   certificate.too_old
 */
export async function verifyChain(
  chain: readonly Uint8Array[],
  { deploymentCa, now, allowExpiredMs }: ChainOptions,
): Promise<ProvenSite> {
  const [leafDer, authorityDer] = chain;
  if (chain.length !== 2 || leafDer === undefined || authorityDer === undefined) {
    throw untrusted("the chain must be the site certificate and its network's CA");
  }
  const leaf = readCertificate(leafDer);
  const authority = readCertificate(authorityDer);
  if (leaf === null || authority === null) throw untrusted("a certificate is malformed or not P-256");

  await checkNetworkCa(authority, deploymentCa);
  const networkId = onlyUri(authority)?.replace(/^spiffe:\/\//, "") ?? "";
  if (!NetworkId.safeParse(networkId).success) throw untrusted("the CA is not a network's");

  if (leaf.issuer !== authority.subject || !(await leaf.isSignedBy(authority))) {
    throw untrusted("the site certificate is not signed by the network CA sent with it");
  }
  if (leaf.isAuthority) throw untrusted("a CA is not a site certificate");
  if (!leaf.extendedKeyUsages.includes(EKU.clientAuth))
    throw untrusted("it is not for client authentication");
  const uri = onlyUri(leaf);
  const site = uri === null ? null : parseSiteUri(uri);
  if (uri === null || site === null || !SiteId.safeParse(site.siteId).success) {
    throw untrusted("it names no site");
  }
  if (site.networkId !== networkId) throw new FairleadError("certificate.wrong_network");

  checkValidity(authority, now, 0);
  checkValidity(leaf, now, allowExpiredMs ?? 0);
  return { networkId, siteId: site.siteId, uri, leaf };
}

/** The network CA: directly under the deployment CA, and a CA that may sign. */
async function checkNetworkCa(authority: Certificate, deploymentCa: Certificate): Promise<void> {
  if (authority.issuer !== deploymentCa.subject || !(await authority.isSignedBy(deploymentCa))) {
    throw untrusted("the network CA is not signed by this edge's deployment CA");
  }
  if (!authority.isAuthority || !authority.maySignCertificates) throw untrusted("the issuer is not a CA");
}

/**
 * @param allowExpiredMs how long after its end a certificate still passes
 * @throws FairleadError certificate.expired; certificate.too_old when an allowance was given and is over
 */
export function checkValidity(certificate: Certificate, now: number, allowExpiredMs: number): void {
  if (now < certificate.notBefore - TOLERANCE_MS) {
    throw new FairleadError("certificate.expired", "The certificate is not valid yet.");
  }
  if (now <= certificate.notAfter + TOLERANCE_MS + allowExpiredMs) return;
  if (allowExpiredMs > 0) throw new FairleadError("certificate.too_old");
  throw new FairleadError(
    "certificate.expired",
    `The certificate ended at ${new Date(certificate.notAfter).toISOString()}.`,
  );
}

/** The one URI in the SAN; null when the SAN holds anything else or more. */
export function onlyUri(certificate: Certificate): string | null {
  const [name, ...rest] = certificate.names;
  return name?.type === "url" && rest.length === 0 ? name.value : null;
}

function untrusted(why: string): FairleadError {
  return new FairleadError("certificate.untrusted", `The certificate is not trusted: ${why}.`);
}
