/** The certificate chain of a site, and the checks of a new chain before it replaces the old one. */
import { X509Certificate } from "node:crypto";
import { FairleadError } from "../../protocol/errors.ts";
import { linkUri, siteUri } from "../../protocol/names.ts";
import { fromPem } from "./pem.ts";

/** Checks whether a certificate is for the site's key. */
export type Holds = (certificate: X509Certificate) => boolean;

/** A site certificate with its network CA. */
export interface Chain {
  /** Site certificate and network CA, PEM. */
  readonly chain: string;
  /** The network CA alone, PEM. */
  readonly authority: string;
  /** Begin of the site certificate's validity, ms since 1970. */
  readonly notBefore: number;
  /** End of the site certificate's validity, ms since 1970. */
  readonly notAfter: number;
}

/** The expected subject and issuers of certificates. */
export interface Bounds {
  /** Network id. */
  readonly network: string;
  /** Site id. */
  readonly site: string;
  /** The deployment CA, PEM. */
  readonly ca: string;
  /** The network CA that the site already trusts, PEM; undefined when it joins. */
  readonly authority?: string | undefined;
  readonly holds: Holds;
}

/** Reads a chain in PEM. @throws FairleadError `certificate.untrusted` when it is not a chain */
export function readChain(chain: string): Chain {
  const [leaf, authority] = fromPem(chain);
  if (leaf === undefined || authority === undefined) {
    throw wrongAnswer("The answer of the edge does not hold the site certificate and its CA.");
  }
  try {
    const certificate = new X509Certificate(leaf);
    return {
      chain,
      authority,
      notBefore: certificate.validFromDate.getTime(),
      notAfter: certificate.validToDate.getTime(),
    };
  } catch (cause) {
    throw wrongAnswer("The answer of the edge holds no readable certificate.", cause);
  }
}

/**
 * Verifies a chain from the edge. It must be for this key, site and network, and no CA that the site trusts
 * may change.
 * @throws FairleadError `certificate.untrusted`
 */
export function verifyChain({ chain, authority }: Chain, bounds: Bounds): void {
  const leaf = readCertificate(chain);
  const issuer = readCertificate(authority);
  const root = readCertificate(bounds.ca);
  if (leaf === null || issuer === null || root === null) throw untrusted("an invalid certificate");
  if (!bounds.holds(leaf)) throw untrusted("a certificate for another key");
  if (!names(leaf, siteUri(bounds.network, bounds.site))) throw untrusted("a certificate for another site");
  if (!isIssuedBy(leaf, issuer) || !isIssuedBy(issuer, root)) throw untrusted("a certificate of another CA");
  if (bounds.authority === undefined) return;
  const known = readCertificate(bounds.authority);
  if (known === null || !isSameAuthority(known, issuer)) throw untrusted("another network CA");
}

/**
 * Whether a stored chain is for this key, site and network, under the stored deployment CA. A chain from the edge was
 * verified before it was stored.
 */
export function isIntact(chain: Chain, bounds: Bounds): boolean {
  try {
    verifyChain(chain, bounds);
    return true;
  } catch {
    return false;
  }
}

/**
 * Verifies the key and the link of a link certificate. Only the registry knows its issuer.
 * @param certificate base64 DER
 * @throws FairleadError `certificate.untrusted`
 */
export function verifyLink(id: string, certificate: string, { network, holds }: Bounds): void {
  const leaf = readCertificate(Buffer.from(certificate, "base64"));
  if (leaf === null) throw untrusted("an invalid certificate");
  if (!holds(leaf)) throw untrusted("a link's certificate for another key");
  if (!names(leaf, linkUri(network, id))) throw untrusted("a certificate for another link");
}

/**
 * The deployment CA to trust from now on: the re-issued certificate, if it has the same name and key and ends
 * later. Null for another CA: no answer of the edge changes which CA a site trusts.
 */
export function successorOf(ca: string, reissued: string | undefined): string | null {
  if (reissued === undefined || reissued === ca) return ca;
  const [before, after] = [readCertificate(ca), readCertificate(reissued)];
  if (before === null || after === null || !isSameAuthority(before, after)) return null;
  if (!after.verify(after.publicKey)) return null;
  return after.validToDate.getTime() > before.validToDate.getTime() ? after.toString() : ca;
}

/** End of a certificate's validity, ms since 1970; 0 if `base64` is no certificate. */
export function endOf(base64: string): number {
  return readCertificate(Buffer.from(base64, "base64"))?.validToDate.getTime() ?? 0;
}

/** Whether a PEM text begins with the certificate of a CA. */
export function isAuthority(pem: string): boolean {
  return readCertificate(pem)?.ca ?? false;
}

/** Compares the whole extension: the edge issues no certificate with a second name. */
function names(leaf: X509Certificate, uri: string): boolean {
  return !leaf.ca && leaf.subjectAltName === `URI:${uri}`;
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return authority.ca && certificate.issuer === authority.subject && certificate.verify(authority.publicKey);
}

/** Whether two certificates are of the same CA: same name and key. Serial number and validity may differ. */
function isSameAuthority(left: X509Certificate, right: X509Certificate): boolean {
  return left.ca && right.ca && left.subject === right.subject && left.publicKey.equals(right.publicKey);
}

/** Reads a certificate, PEM or DER; null if it is none. */
function readCertificate(from: string | Buffer): X509Certificate | null {
  try {
    return new X509Certificate(from);
  } catch {
    return null;
  }
}

const untrusted = (what: string) => wrongAnswer(`The edge answered with ${what}.`);

/** The error of an answer that the edge of this site never gives. */
export function wrongAnswer(message: string, cause?: unknown): FairleadError {
  const action =
    "Check that the token is of this edge, and that no other machine answers in place of the edge. If both are so, report the error.";
  return new FairleadError("certificate.untrusted", message, { cause, action });
}
