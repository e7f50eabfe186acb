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
  /** Subject of its certificate, DER. */
  readonly name: Bytes;
  readonly keyId: Uint8Array;
  readonly privateKey: Key;
}

/** What a new certificate says. */
export interface CertificateFacts {
  /** DER, of {@link makeName}. */
  readonly subject: Bytes;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** ms since 1970; whole seconds count. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** A CA that signs leaves, or a leaf for clients and servers. */
  readonly kind: "authority" | "leaf";
  /** The only name in the SAN; none for a CA that names nothing. */
  readonly uri?: string;
}

/** A new certificate. */
export interface Issued {
  readonly certificate: Bytes;
  /** Lower-case hex. */
  readonly serial: string;
  /** ms since 1970 */
  readonly notAfter: number;
}

export async function makeCertificate(facts: CertificateFacts, signer: Signer): Promise<Issued> {
  const serial = newSerial();
  const subjectKeyId = await keyIdOf(facts.spki);
  const isAuthority = facts.kind === "authority";
  const extensions = [
    extension(EXTENSION.basicConstraints, isAuthority ? LEAVES_ONLY : sequence(), true),
    extension(EXTENSION.keyUsage, isAuthority ? SIGNS_CERTIFICATES : SIGNS_DATA, true),
    ...(isAuthority ? [] : [extension(EXTENSION.extendedKeyUsage, CLIENT_AND_SERVER)]),
    ...(facts.uri === undefined ? [] : [extension(EXTENSION.subjectAltName, uriName(facts.uri))]),
    extension(EXTENSION.subjectKeyId, octets(subjectKeyId)),
    extension(EXTENSION.authorityKeyId, sequence(element(implicitTag(0), signer.keyId))),
  ];
  const body = sequence(
    element(explicitTag(0), integer(Uint8Array.of(2))),
    integer(serial),
    ALGORITHM,
    signer.name,
    sequence(time(facts.notBefore), time(facts.notAfter)),
    facts.subject,
    facts.spki,
    element(explicitTag(3), sequence(...extensions)),
  );
  return {
    certificate: await signed(body, signer.privateKey),
    serial: encodeHex(serial),
    notAfter: Math.floor(facts.notAfter / 1000) * 1000,
  };
}

/** 126 random bits below a set one: positive, of one length. */
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
const CLIENT_AND_SERVER = sequence(oid(EKU.clientAuth), oid(EKU.serverAuth));

const uriName = (uri: string): Bytes => sequence(text(implicitTag(6), uri));
