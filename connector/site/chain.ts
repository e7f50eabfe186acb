/** A site's certificate chain, and what a new one must prove before it takes the old one's place. */
import { X509Certificate } from "node:crypto";
import { FairleadError } from "../../protocol/errors.ts";
import { linkUri, siteUri } from "../../protocol/names.ts";
import { fromPem } from "./pem.ts";

/** Whether a certificate is for the site's key. */
export type Holds = (certificate: X509Certificate) => boolean;

/** A site certificate with its network CA. */
export interface Chain {
  /** Site certificate and network CA, PEM. */
  readonly chain: string;
  /** The network CA alone, PEM. */
  readonly authority: string;
  /** Validity of the site certificate, ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Whom certificates are for and who may have made them. */
export interface Bounds {
  /** Ids. */
  readonly network: string;
  readonly site: string;
  /** The deployment CA, PEM. */
  readonly ca: string;
  /** The network CA that the site knows already, PEM; none when it joins. */
  readonly authority?: string | undefined;
  readonly holds: Holds;
}

/** A chain in PEM, with what is read from it. @throws FairleadError `code` when it is none. */
export function readChain(chain: string, code: "state.corrupt" | "certificate.untrusted"): Chain {
  const [leaf, authority] = fromPem(chain);
  if (leaf === undefined || authority === undefined) {
    throw new FairleadError(code, "certificate.pem does not hold the site certificate and its CA");
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
    throw new FairleadError(code, "certificate.pem holds no readable certificate", { cause });
  }
}

/**
 * Believes no answer that would not work later, or that would change whom the site trusts: another key, another site or
 * network, another CA.
 * @throws FairleadError `certificate.untrusted`.
 */
export function verifyChain({ chain, authority }: Chain, bounds: Bounds): void {
  const leaf = readCertificate(chain);
  const issuer = readCertificate(authority);
  const root = readCertificate(bounds.ca);
  if (leaf === null || issuer === null || root === null) throw untrusted("what is no certificate");
  if (!bounds.holds(leaf)) throw untrusted("a certificate for another key");
  if (!names(leaf, siteUri(bounds.network, bounds.site))) throw untrusted("a certificate for another site");
  if (!isIssuedBy(leaf, issuer) || !isIssuedBy(issuer, root)) throw untrusted("a certificate of another CA");
  if (bounds.authority === undefined) return;
  const known = readCertificate(bounds.authority);
  if (known === null || !isSameAuthority(known, issuer)) throw untrusted("another network CA");
}

/**
 * Checks a link's certificate, as far as a site can: its issuer is known to the registry alone.
 * @param certificate base64 DER
 * @throws FairleadError `certificate.untrusted` when it is for another key or link.
 */
export function verifyLink(id: string, certificate: string, { network, holds }: Bounds): void {
  const leaf = readCertificate(Buffer.from(certificate, "base64"));
  if (leaf === null) throw untrusted("what is no certificate");
  if (!holds(leaf)) throw untrusted("a link's certificate for another key");
  if (!names(leaf, linkUri(network, id))) throw untrusted("a certificate for another link");
}

/**
 * The deployment CA to trust from now on: the re-issued one, if it is of the same name and key and ends later. Null when
 * it is another CA: nothing that comes from the edge changes whom a site trusts.
 */
export function successorOf(ca: string, reissued: string | undefined): string | null {
  if (reissued === undefined || reissued === ca) return ca;
  const [before, after] = [readCertificate(ca), readCertificate(reissued)];
  if (before === null || after === null || !isSameAuthority(before, after)) return null;
  if (!after.verify(after.publicKey)) return null;
  return after.validToDate.getTime() > before.validToDate.getTime() ? after.toString() : ca;
}

/** When a certificate ends, ms since 1970; 0 when it is none. */
export function endOf(base64: string): number {
  return readCertificate(Buffer.from(base64, "base64"))?.validToDate.getTime() ?? 0;
}

/** Whether a text begins with the certificate of a CA, PEM. */
export function isAuthority(pem: string): boolean {
  return readCertificate(pem)?.ca ?? false;
}

/** Equality with the whole extension: a certificate with a second name is not what the edge makes. */
function names(leaf: X509Certificate, uri: string): boolean {
  return !leaf.ca && leaf.subjectAltName === `URI:${uri}`;
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return authority.ca && certificate.issuer === authority.subject && certificate.verify(authority.publicKey);
}

/** Whether two certificates are of the same CA: one name and one key, whatever their serials and ends. */
function isSameAuthority(left: X509Certificate, right: X509Certificate): boolean {
  return left.ca && right.ca && left.subject === right.subject && left.publicKey.equals(right.publicKey);
}

/** A certificate, PEM or DER; null when it is none. */
function readCertificate(from: string | Buffer): X509Certificate | null {
  try {
    return new X509Certificate(from);
  } catch {
    return null;
  }
}

function untrusted(what: string): FairleadError {
  return new FairleadError("certificate.untrusted", `the edge answered with ${what}`);
}
