/**
 * A reader of certificates (RFC 5280) and certificate requests (RFC 2986), for the fields that the checks
 * need. It uses no library: a Worker reads several certificates for each uplink, and a library took
 * milliseconds for each (docs/decisions/0091-the-worker-reads-certificates-itself.md).
 */
import { encodeHex, equalBytes } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { ascii, DerReader, explicitTag, implicitTag, TAG } from "./der.ts";
import { type Bytes, copyOf, isP256, readPem } from "./keys.ts";
import { isSigned, readAlgorithm, readSigned } from "./signature.ts";

/** Object identifiers of extensions. */
export const EXTENSION = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
} as const;

/** The extensions that the checks understand, the only ones that may be critical. */
const UNDERSTOOD = new Set<string>(Object.values(EXTENSION));

export const EKU = { serverAuth: "1.3.6.1.5.5.7.3.1", clientAuth: "1.3.6.1.5.5.7.3.2" } as const;

/** Bits of a key usage, in its first byte. */
export const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04, crlSign: 0x02 } as const;

/** A parsed certificate: the fields that the checks read. */
export interface Certificate {
  readonly der: Bytes;
  /** The subject's name as text, for comparison. */
  readonly subject: string;
  /** The subject's name, DER. */
  readonly subjectName: Bytes;
  readonly issuer: string;
  /** Lower-case hex. */
  readonly serial: string;
  /** ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo, DER; always P-256. */
  readonly spki: Bytes;
  /** Null when the certificate has no such extension. */
  readonly subjectKeyId: Bytes | null;
  readonly isAuthority: boolean;
  /** May sign certificates, as far as its key usage says. */
  readonly maySignCertificates: boolean;
  readonly extendedKeyUsages: readonly string[];
  /** All names in the SAN. */
  readonly names: readonly AlternativeName[];
  /** Whether `issuer`'s key signed it. */
  isSignedBy(issuer: Certificate): Promise<boolean>;
}

export interface AlternativeName {
  readonly type: "url" | "other";
  /** The URI; empty for any other kind of name. */
  readonly value: string;
}

/** Parsed certificates, by their bytes. */
const parsed = new WeakMap<Uint8Array, { readonly certificate: Certificate | null }>();

/**
 * Parses a certificate (DER), once for the same bytes. The caller never changes them. Null when it is
 * garbage, holds another key than P-256, repeats an extension or has a critical extension that the checks do
 * not understand (RFC 5280 §4.2).
 */
export function readCertificate(der: Uint8Array): Certificate | null {
  const known = parsed.get(der);
  if (known !== undefined) return known.certificate;
  const certificate = tryParse(der);
  parsed.set(der, { certificate });
  return certificate;
}

function tryParse(der: Uint8Array): Certificate | null {
  try {
    return parseCertificate(copyOf(der));
  } catch (thrown) {
    if (thrown instanceof RangeError) return null;
    throw thrown;
  }
}

/** Most CAs that {@link readAuthority} keeps. Unknown ones cost only their parsing. */
const KEPT_AUTHORITIES = 8;
/** CAs that were read, the last one first. */
const authorities: Certificate[] = [];

/**
 * Parses the certificate of a CA, as {@link readCertificate}. All sites of a network send the same one, in
 * other bytes each time, so the last ones are kept, with what was found out about their signatures.
 */
export function readAuthority(der: Uint8Array): Certificate | null {
  const at = authorities.findIndex((kept) => equalBytes(kept.der, der));
  const certificate = at < 0 ? readCertificate(der) : authorities[at];
  if (certificate === undefined || certificate === null) return null;
  if (at === 0) return certificate;
  const kept = at < 0 ? withKnownSigners(certificate) : certificate;
  if (at > 0) authorities.splice(at, 1);
  authorities.unshift(kept);
  authorities.length = Math.min(authorities.length, KEPT_AUTHORITIES);
  return kept;
}

/** The certificate, which checks its signature once with the key of each issuer that did sign it. */
function withKnownSigners(certificate: Certificate): Certificate {
  const signers = new WeakSet<Certificate>();
  return {
    ...certificate,
    isSignedBy: async (issuer) => {
      if (signers.has(issuer)) return true;
      const isSigned = await certificate.isSignedBy(issuer);
      if (isSigned) signers.add(issuer);
      return isSigned;
    },
  };
}

function parseCertificate(der: Bytes): Certificate | null {
  const { body, raw, ...signature } = readSigned(der);
  const version = body.optional(explicitTag(0));
  // Only version 3 has extensions, and the checks need them.
  if (
    version === null ||
    DerReader.open(version.raw, explicitTag(0)).next(TAG.integer).content.join() !== "2"
  ) {
    return null;
  }
  const serial = body.next(TAG.integer).content;
  // RFC 5280 §4.1.1.2: the signed body repeats the algorithm.
  if (readAlgorithm(body.enter()) !== signature.algorithm) return null;
  const issuer = body.next(TAG.sequence).raw;
  const validity = body.enter();
  const notBefore = validity.time();
  const notAfter = validity.time();
  validity.end();
  const subjectName = body.next(TAG.sequence).raw;
  const spki = body.next(TAG.sequence).raw;
  if (!isP256(spki)) return null;
  body.optional(implicitTag(1));
  body.optional(implicitTag(2));
  const listed = body.isNext(explicitTag(3)) ? readExtensions(body.enter(explicitTag(3))) : [];
  body.end();
  const extensions = new Map(listed.map((extension) => [extension.id, extension.value]));
  if (extensions.size !== listed.length) return null;
  if (listed.some(({ id, critical }) => critical && !UNDERSTOOD.has(id))) return null;
  return {
    der,
    subject: readName(subjectName),
    subjectName,
    issuer: readName(issuer),
    serial: encodeHex(serial[0] === 0 ? serial.subarray(1) : serial),
    notBefore,
    notAfter,
    spki,
    ...readKnown(extensions),
    isSignedBy: ({ spki: issuerKey }) => isSigned({ ...signature, raw }, issuerKey),
  };
}

type Known = Pick<
  Certificate,
  "subjectKeyId" | "isAuthority" | "maySignCertificates" | "extendedKeyUsages" | "names"
>;

/** The values of the extensions that the checks read. */
function readKnown(extensions: ReadonlyMap<string, Bytes>): Known {
  const valueIn = <T>(id: string, absent: T, read: (value: Bytes) => T): T => {
    const value = extensions.get(id);
    return value === undefined ? absent : read(value);
  };
  valueIn(EXTENSION.authorityKeyId, undefined, (value) => DerReader.open(value));
  return {
    subjectKeyId: valueIn<Bytes | null>(EXTENSION.subjectKeyId, null, (value) => {
      const reader = new DerReader(value);
      const { content } = reader.next(TAG.octetString);
      reader.end();
      return content;
    }),
    isAuthority: valueIn(EXTENSION.basicConstraints, false, readBasicConstraints),
    maySignCertificates: valueIn(
      EXTENSION.keyUsage,
      true,
      (value) => (readKeyUsage(value) & KEY_USAGE.keyCertSign) !== 0,
    ),
    extendedKeyUsages: valueIn<string[]>(EXTENSION.extendedKeyUsage, [], (value) =>
      all(DerReader.open(value), (reader) => reader.oid()),
    ),
    names: valueIn<AlternativeName[]>(EXTENSION.subjectAltName, [], (value) =>
      all(DerReader.open(value), readAlternativeName),
    ),
  };
}

interface Extension {
  readonly id: string;
  readonly critical: boolean;
  readonly value: Bytes;
}

function readExtensions(outer: DerReader): Extension[] {
  const list = all(outer.enter(), (reader) => {
    const extension = reader.enter();
    const id = extension.oid();
    const critical = extension.isNext(TAG.boolean) && extension.boolean();
    const value = extension.next(TAG.octetString).content;
    extension.end();
    return { id, critical, value };
  });
  outer.end();
  return list;
}

/** Whether the basic constraints are those of a CA. */
function readBasicConstraints(value: Bytes): boolean {
  const reader = DerReader.open(value);
  const isAuthority = reader.isNext(TAG.boolean) && reader.boolean();
  reader.optional(TAG.integer);
  reader.end();
  return isAuthority;
}

/** The first eight bits of a key usage. */
function readKeyUsage(value: Bytes): number {
  const reader = new DerReader(value);
  const { content } = reader.next(TAG.bitString);
  reader.end();
  const [unused = 8, usages = 0] = content;
  const last = content.length > 1 ? (content.at(-1) ?? 0) : 0;
  // In DER, unused bits are 0.
  const isDer = unused < 8 && (last & ((1 << unused) - 1)) === 0 && (content.length > 1 || unused === 0);
  if (!isDer) throw new RangeError("Malformed DER: a key usage.");
  return usages;
}

function readAlternativeName(reader: DerReader): AlternativeName {
  const { tag, content } = reader.any();
  return tag === implicitTag(6) ? { type: "url", value: ascii(content) } : { type: "other", value: "" };
}

/** Reads all elements up to the end. */
function all<T>(reader: DerReader, read: (reader: DerReader) => T): T[] {
  const list: T[] = [];
  while (!reader.isAtEnd) list.push(read(reader));
  return list;
}

/** A name as text, for comparison. Equal names have equal texts, independent of their kinds of string. */
function readName(der: Bytes): string {
  const parts = all(DerReader.open(der), (reader) =>
    all(reader.enter(TAG.set), (set) => {
      const pair = set.enter();
      const type = pair.oid();
      const { tag, content } = pair.any();
      pair.end();
      if (OTHER_TEXTS.has(tag)) return `${type}=${tag}:${encodeHex(content)}`;
      if (!TEXTS.has(tag)) throw new RangeError("Malformed DER: a name that is no text.");
      return `${type}=${JSON.stringify(utf8(content))}`;
    }).join("+"),
  );
  return parts.join(",");
}

/** Kinds of string that are read as UTF-8. */
const TEXTS: ReadonlySet<number> = new Set([TAG.utf8String, TAG.printableString, TAG.ia5String]);
/**
 * Kinds of string that are only compared: NumericString, TeletexString, VisibleString, UniversalString,
 * BMPString.
 */
const OTHER_TEXTS: ReadonlySet<number> = new Set([0x12, 0x14, 0x1a, 0x1c, 0x1e]);

const newDecoder = () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Replaced after an error, which may leave it in a state. */
let decoder = newDecoder();

function utf8(bytes: Bytes): string {
  try {
    return decoder.decode(bytes);
  } catch {
    decoder = newDecoder();
    throw new RangeError("Malformed DER: a text that is not UTF-8.");
  }
}

/** A key's identifier: SHA-1 of its point (RFC 5280 §4.2.1.2). Nothing depends on its strength. */
export async function keyIdOf(spki: Uint8Array): Promise<Uint8Array> {
  const reader = DerReader.open(copyOf(spki));
  reader.next(TAG.sequence);
  return new Uint8Array(await crypto.subtle.digest("SHA-1", reader.bits()));
}

/** The key identifier of a certificate. */
export async function subjectKeyIdOf({ subjectKeyId, spki }: Certificate): Promise<Uint8Array> {
  return subjectKeyId ?? (await keyIdOf(spki));
}

export interface CertificateRequest {
  /** SubjectPublicKeyInfo, DER, of any kind of key. */
  readonly spki: Bytes;
  /** Whether the key in the request signed it. */
  isGenuine(): Promise<boolean>;
}

/**
 * Reads a PKCS #10 request (DER). The requested subject and attributes are ignored.
 * @throws RangeError when it is malformed
 */
export function readRequest(der: Uint8Array): CertificateRequest {
  const { body, ...signature } = readSigned(copyOf(der));
  body.next(TAG.integer);
  body.next(TAG.sequence);
  const spki = body.next(TAG.sequence).raw;
  body.optional(explicitTag(0));
  body.end();
  return { spki, isGenuine: () => isSigned(signature, spki) };
}

let lastAuthority: { pem: string; certificate: Certificate | null } | null = null;

/** The deployment CA from its PEM, parsed once. @throws FairleadError edge.misconfigured */
export function readDeploymentCa(pem: string): Certificate {
  if (lastAuthority?.pem !== pem) lastAuthority = { pem, certificate: readCertificate(readPem(pem)) };
  if (lastAuthority.certificate === null)
    throw new FairleadError("edge.misconfigured", "DEPLOYMENT_CA is no P-256 certificate.");
  return lastAuthority.certificate;
}
