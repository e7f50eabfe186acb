/** Writes the certificates that the CAs of this deployment sign. P-256 and DER. */
import { encodeHex } from "../../protocol/encoding.ts";
import {
  bits,
  element,
  explicitTag,
  implicitTag,
  integer,
  octets,
  oid,
  sequence,
  TAG,
  text,
  time,
  truth,
} from "./der.ts";
import type { Bytes, Key } from "./keys.ts";
import { ALGORITHM, signed } from "./signature.ts";
import { EKU, EXTENSION, KEY_USAGE, keyIdOf } from "./x509.ts";

const COMMON_NAME = "2.5.4.3";
const ORGANIZATION = "2.5.4.10";

/** How long before its creation a certificate becomes valid, ms, for clocks that are behind. */
export const BACKDATE_MS = 5 * 60 * 1000;

/** A name with the given parts. */
export function makeName({ common, organization }: { common: string; organization?: string }): Bytes {
  const part = (type: string, value: string) =>
    element(TAG.set, sequence(oid(type), text(TAG.utf8String, value)));
  const parts = [part(COMMON_NAME, common)];
  if (organization !== undefined) parts.push(part(ORGANIZATION, organization));
  return sequence(...parts);
}

/** The signer of a certificate. */
export interface Signer {
  /** Subject of the signer's certificate, DER. */
  readonly name: Bytes;
  readonly keyId: Uint8Array;
  readonly privateKey: Key;
}

/** The fields of a new certificate. */
export interface CertificateFields {
  /** DER, of {@link makeName}. */
  readonly subject: Bytes;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** ms since 1970, rounded down to whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** A CA that signs leaves, a leaf for clients and servers, or a leaf for servers alone. */
  readonly kind: "authority" | "leaf" | "server";
  /** The only name in the SAN; none for an issuer CA and a leaf for servers. */
  readonly uri?: string;
  /** The DNS names in the SAN of a leaf for servers. */
  readonly dnsNames?: readonly string[];
}

/** A new certificate. */
export interface IssuedCertificate {
  readonly certificate: Bytes;
  /** Lower-case hex. */
  readonly serial: string;
  /** ms since 1970 */
  readonly notAfter: number;
}

/** Makes and signs a certificate. */
export async function makeCertificate(fields: CertificateFields, signer: Signer): Promise<IssuedCertificate> {
  const serial = newSerial();
  const subjectKeyId = await keyIdOf(fields.spki);
  const isAuthority = fields.kind === "authority";
  const names = [
    ...(fields.uri === undefined ? [] : [text(URI_NAME, fields.uri)]),
    ...(fields.dnsNames ?? []).map((name) => text(DNS_NAME, name)),
  ];
  const extensions = [
    extension(EXTENSION.basicConstraints, isAuthority ? LEAVES_ONLY : sequence(), true),
    extension(EXTENSION.keyUsage, isAuthority ? SIGNS_CERTIFICATES : SIGNS_DATA, true),
    ...(isAuthority ? [] : [extension(EXTENSION.extendedKeyUsage, USES[fields.kind])]),
    ...(names.length === 0 ? [] : [extension(EXTENSION.subjectAltName, sequence(...names))]),
    extension(EXTENSION.subjectKeyId, octets(subjectKeyId)),
    extension(EXTENSION.authorityKeyId, sequence(element(implicitTag(0), signer.keyId))),
  ];
  const body = sequence(
    element(explicitTag(0), integer(Uint8Array.of(2))),
    integer(serial),
    ALGORITHM,
    signer.name,
    sequence(time(fields.notBefore), time(fields.notAfter)),
    fields.subject,
    fields.spki,
    element(explicitTag(3), sequence(...extensions)),
  );
  return {
    certificate: await signed(body, signer.privateKey),
    serial: encodeHex(serial),
    notAfter: Math.floor(fields.notAfter / 1000) * 1000,
  };
}

/** A serial number of 16 bytes: 126 random bits below a set bit, so it is positive and always as long. */
function newSerial(): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

const extension = (id: string, value: Uint8Array, critical = false): Bytes =>
  sequence(oid(id), ...(critical ? [truth()] : []), octets(value));

const LEAVES_ONLY = sequence(truth(), integer(Uint8Array.of(0)));
const SIGNS_CERTIFICATES = bits(Uint8Array.of(KEY_USAGE.keyCertSign | KEY_USAGE.crlSign), 1);
const SIGNS_DATA = bits(Uint8Array.of(KEY_USAGE.digitalSignature), 7);
const USES = {
  authority: sequence(),
  leaf: sequence(oid(EKU.clientAuth), oid(EKU.serverAuth)),
  server: sequence(oid(EKU.serverAuth)),
} as const;

/** Tags of names in a SAN (RFC 5280, section 4.2.1.6). */
const DNS_NAME = implicitTag(2);
const URI_NAME = implicitTag(6);
