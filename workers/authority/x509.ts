/** Reading certificates. Everything that touches a certificate goes through here. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { type Bytes, copyOf, importPublicKey, isP256, readPem } from "./keys.ts";

export { x509 };

/** Object identifiers of the extensions that the chain check understands. */
const UNDERSTOOD = new Set(["2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.35", "2.5.29.37"]);

export const EKU = { serverAuth: "1.3.6.1.5.5.7.3.1", clientAuth: "1.3.6.1.5.5.7.3.2" } as const;

/** Certificates begin a little earlier, for clocks that are behind; ms. */
export const BACKDATE_MS = 5 * 60 * 1000;

/** 127 random bits with the highest of the first byte clear and the next set: positive, of one length. */
export function newSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A certificate as the checks see it: what they need and no more. */
export interface Certificate {
  readonly der: Bytes;
  readonly subject: string;
  readonly issuer: string;
  /** Lower-case hex. */
  readonly serial: string;
  /** ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo, DER; always P-256. */
  readonly spki: Bytes;
  readonly isAuthority: boolean;
  /** May sign certificates, as far as its key usage says. */
  readonly maySignCertificates: boolean;
  readonly extendedKeyUsages: readonly string[];
  /** All names in the SAN. */
  readonly names: readonly { readonly type: string; readonly value: string }[];
  /** Whether `issuer`'s key signed it. */
  isSignedBy(issuer: Certificate): Promise<boolean>;
}

/**
 * Parses a certificate (DER). Null when it is garbage, holds another key than P-256, repeats an extension
 * or has a critical one that the checks do not understand (RFC 5280 §4.2).
 */
export function readCertificate(der: Uint8Array): Certificate | null {
  try {
    return parse(der);
  } catch {
    return null;
  }
}

function parse(der: Uint8Array): Certificate | null {
  // The library would also read PEM and hex from bytes; only DER is a certificate here.
  if (der[0] !== 0x30 || !isOneElement(der)) return null;
  const certificate = new x509.X509Certificate(copyOf(der));
  const spki = new Uint8Array(certificate.publicKey.rawData);
  if (!isP256(spki)) return null;
  const types = certificate.extensions.map((extension) => extension.type);
  if (new Set(types).size !== types.length) return null;
  if (certificate.extensions.some((extension) => extension.critical && !UNDERSTOOD.has(extension.type))) {
    return null;
  }
  const constraints = certificate.getExtension(x509.BasicConstraintsExtension);
  const usages = certificate.getExtension(x509.KeyUsagesExtension)?.usages ?? null;
  const extended = certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [];
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  return {
    der: copyOf(der),
    subject: certificate.subject,
    issuer: certificate.issuer,
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    spki,
    isAuthority: constraints?.ca === true,
    maySignCertificates: usages === null || (usages & x509.KeyUsageFlags.keyCertSign) !== 0,
    extendedKeyUsages: extended.map(String),
    names: names.map((name) => ({ type: name.type, value: name.value })),
    isSignedBy: async (issuer) => {
      try {
        const publicKey = await importPublicKey(issuer.spki);
        return await certificate.verify({ publicKey, signatureOnly: true });
      } catch {
        return false;
      }
    },
  };
}

/** Whether `der` is exactly one element: bytes after the certificate would make two texts of one certificate. */
function isOneElement(der: Uint8Array): boolean {
  const first = der[1] ?? 0;
  if (first < 0x80) return der.length === 2 + first;
  const count = first & 0x7f;
  if (count < 1 || count > 3) return false;
  let length = 0;
  for (let at = 0; at < count; at++) length = length * 256 + (der[2 + at] ?? 0);
  return der.length === 2 + count + length;
}

let lastAuthority: { pem: string; certificate: Certificate | null } | null = null;

/** The deployment CA from its PEM. Parsed once: every request asks for the same one. */
export function readDeploymentCa(pem: string): Certificate {
  if (lastAuthority?.pem !== pem) lastAuthority = { pem, certificate: readCertificate(readPem(pem)) };
  if (lastAuthority.certificate === null) throw new TypeError("the deployment CA is not a P-256 certificate");
  return lastAuthority.certificate;
}
