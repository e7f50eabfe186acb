/**
 * Site and link certificates: how they are signed, and how link certificates are verified. P-256 and DER;
 * times in ms since 1970. authority.ts creates the CAs that sign them; chain.ts verifies site certificates.
 */
import { equalBytes } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { LinkId } from "../../protocol/ids.ts";
import { linkUri, siteUri } from "../../protocol/names.ts";
import type { Authority } from "./authority.ts";
import {
  BACKDATE_MS,
  type CertificateFields,
  type IssuedCertificate,
  makeCertificate,
  makeName,
} from "./certificate-writer.ts";
import { checkValidity, onlyUri } from "./chain.ts";
import { type Bytes, importPrivateKey, importPublicKey, isP256, keyHashOf } from "./keys.ts";
import {
  type CertificateRequest,
  readAuthority,
  readCertificate,
  readRequest,
  subjectKeyIdOf,
} from "./x509.ts";

export { keyHashOf };

const DAY_MS = 24 * 3600 * 1000;
/** Lifetime of a site or link certificate, ms. */
export const SITE_CERTIFICATE_MS = DAY_MS;

export type { IssuedCertificate };

/**
 * The public key (SPKI DER) of a certificate request with a valid self-signature. Everything else in the
 * request is ignored: the registry decides the fields of a certificate.
 * @throws FairleadError csr.invalid, csr.key_type
 */
export async function readCsr(der: Uint8Array): Promise<{ publicKey: Bytes }> {
  let request: CertificateRequest;
  try {
    request = readRequest(der);
  } catch (cause) {
    throw new FairleadError("csr.invalid", undefined, { cause });
  }
  if (!isP256(request.spki)) throw new FairleadError("csr.key_type");
  if (!(await request.isGenuine())) {
    throw new FairleadError("csr.invalid", "The signature of the certificate request is wrong.");
  }
  return { publicKey: request.spki };
}

/** Signs a site certificate for a public key (SPKI DER), valid for 24 hours. */
export function signSiteCertificate(options: {
  authority: Authority;
  networkId: string;
  siteId: string;
  publicKey: Uint8Array;
  now: number;
}): Promise<IssuedCertificate> {
  const uri = siteUri(options.networkId, options.siteId);
  return signLeaf(
    options.authority,
    { kind: "leaf", subject: makeName({ common: options.siteId }), uri },
    options.publicKey,
    options.now,
  );
}

/** Signs a link certificate with the issuer's CA for the joiner's key (SPKI DER), valid for 24 hours. */
export function signLinkCertificate(options: {
  authority: Authority;
  networkId: string;
  linkId: string;
  siteId: string;
  publicKey: Uint8Array;
  now: number;
}): Promise<IssuedCertificate> {
  const uri = linkUri(options.networkId, options.linkId);
  const subject = makeName({ common: options.linkId, organization: options.siteId });
  return signLeaf(options.authority, { kind: "leaf", subject, uri }, options.publicKey, options.now);
}

/**
 * Signs a certificate for the listener of a service with the network's CA, valid for 24 hours. It is for servers alone
 * and names no site, so it proves no site to an edge or a connector.
 */
export function signServiceCertificate(options: {
  authority: Authority;
  service: string;
  /** DNS names. */
  names: readonly string[];
  publicKey: Uint8Array;
  now: number;
}): Promise<IssuedCertificate> {
  const { authority, service, names, publicKey, now } = options;
  return signLeaf(
    authority,
    { kind: "server", subject: makeName({ common: service }), dnsNames: names },
    publicKey,
    now,
  );
}

/**
 * Verifies a link certificate (DER) that an uplink presents.
 * @param expected the issuer's current CA (DER), the link, and the hash of the key that the uplink proved
 * @throws FairleadError certificate.untrusted (not by this issuer, or another link's),
 *   certificate.wrong_network, certificate.expired, certificate.revoked (another key than the site's)
 */
export async function verifyLinkCertificate(
  certificate: Uint8Array,
  expected: { issuer: Uint8Array; networkId: string; linkId: string; keyHash: string; now: number },
): Promise<void> {
  const leaf = readCertificate(certificate);
  const issuer = readAuthority(expected.issuer);
  if (leaf === null || issuer === null || leaf.issuer !== issuer.subject || leaf.isAuthority) {
    throw new FairleadError("certificate.untrusted", "The link certificate does not name its issuer's CA.");
  }
  if (!(await leaf.isSignedBy(issuer))) {
    throw new FairleadError("certificate.untrusted", "The link certificate is not signed by its issuer.");
  }
  const link = parseLinkUri(onlyUri(leaf));
  if (link === null || link.linkId !== expected.linkId) {
    throw new FairleadError("certificate.untrusted", "The link certificate is for another link.");
  }
  if (link.networkId !== expected.networkId) throw new FairleadError("certificate.wrong_network");
  const hash = new TextEncoder().encode(await keyHashOf(leaf.spki));
  if (!equalBytes(hash, new TextEncoder().encode(expected.keyHash))) {
    throw new FairleadError(
      "certificate.revoked",
      "The key of the link certificate is not the key of the site.",
    );
  }
  checkValidity(leaf, expected.now, 0);
}

/** The link that a certificate (DER) names, unverified; null when it is no link certificate. */
export function linkIdOf(certificate: Uint8Array): string | null {
  const leaf = readCertificate(certificate);
  return leaf === null ? null : (parseLinkUri(onlyUri(leaf))?.linkId ?? null);
}

function parseLinkUri(uri: string | null): { networkId: string; linkId: string } | null {
  const match = uri === null ? null : /^spiffe:\/\/(n[0-9a-z]{26})\/link\/(l[0-9a-z]{26})$/.exec(uri);
  if (!match?.[1] || !match[2] || !LinkId.safeParse(match[2]).success) return null;
  return { networkId: match[1], linkId: match[2] };
}

async function signLeaf(
  authority: Authority,
  fields: Pick<CertificateFields, "kind" | "subject" | "uri" | "dnsNames">,
  publicKey: Uint8Array,
  now: number,
): Promise<IssuedCertificate> {
  const parent = readAuthority(authority.certificate);
  if (parent === null) throw new FairleadError("edge.internal", "A CA of the network is damaged.");
  // Rejects a key whose point is not on the curve.
  await importPublicKey(publicKey);
  const notAfter = Math.min(now + SITE_CERTIFICATE_MS, parent.notAfter);
  return await makeCertificate(
    { ...fields, spki: publicKey, notBefore: now - BACKDATE_MS, notAfter },
    {
      name: parent.subjectName,
      keyId: await subjectKeyIdOf(parent),
      privateKey: await importPrivateKey(authority.privateKey),
    },
  );
}
