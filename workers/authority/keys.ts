/** P-256 keys, the only kind in Fairlead's certificates. */
import { decodeBase64, encodeBase64, encodeBase64Url } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

/** WebCrypto's key types, in a form that fits the type declarations of Workers and of Node. */
export type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;
export type KeyPair = { readonly publicKey: Key; readonly privateKey: Key };

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
export const ECDSA_SHA256 = { name: "ECDSA", hash: "SHA-256" } as const;

/**
 * The prefix of every SubjectPublicKeyInfo of a P-256 key: id-ecPublicKey, prime256v1, an uncompressed point.
 * Other encodings are refused, so that a key has one hash.
 */
const SPKI_PREFIX = [
  0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
  0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const SPKI_LENGTH = SPKI_PREFIX.length + 64;

/** Whether `spki` (DER) has the form of a P-256 public key. The point itself is checked on import. */
export function isP256(spki: Uint8Array): boolean {
  return spki.length === SPKI_LENGTH && SPKI_PREFIX.every((byte, at) => spki[at] === byte);
}

/** Base64url SHA-256 of a SubjectPublicKeyInfo (DER), by which the registry identifies the key of a site. */
export async function keyHashOf(spki: Uint8Array): Promise<string> {
  return encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", copyOf(spki))));
}

/** Imported keys, by their bytes. */
const imported = new WeakMap<Uint8Array, Key>();

/**
 * Imports a public key (SPKI DER) for checking signatures, once for the same bytes. The caller never changes
 * them. Rejects when the point is not on the curve.
 */
export async function importPublicKey(spki: Uint8Array): Promise<Key> {
  const known = imported.get(spki);
  if (known !== undefined) return known;
  const key = await crypto.subtle.importKey("spki", copyOf(spki), P256, true, ["verify"]);
  imported.set(spki, key);
  return key;
}

/**
 * Imports a private key (PKCS #8 DER) for signing, once for the same bytes. The caller never changes
 * the bytes.
 */
export async function importPrivateKey(pkcs8: Uint8Array): Promise<Key> {
  const known = imported.get(pkcs8);
  if (known !== undefined) return known;
  const key = await crypto.subtle.importKey("pkcs8", copyOf(pkcs8), P256, false, ["sign"]);
  imported.set(pkcs8, key);
  return key;
}

/** Generates a key pair whose private key can be exported. */
export async function generateKeyPair(): Promise<KeyPair> {
  const pair = await crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("Expected a key pair.");
  return pair;
}

/** Exports a private key as PKCS #8 DER. */
export async function exportPrivateKey(key: Key): Promise<Bytes> {
  const exported = await crypto.subtle.exportKey("pkcs8", key);
  if (!(exported instanceof ArrayBuffer)) throw new TypeError("Expected PKCS #8 bytes.");
  return new Uint8Array(exported);
}

/** Exports a public key as SubjectPublicKeyInfo, DER. */
export async function exportPublicKey(key: Key): Promise<Bytes> {
  const exported = await crypto.subtle.exportKey("spki", key);
  if (!(exported instanceof ArrayBuffer)) throw new TypeError("Expected a SubjectPublicKeyInfo.");
  return new Uint8Array(exported);
}

/** The PEM text of DER bytes. @param label such as "CERTIFICATE" */
export function writePem(label: string, der: Uint8Array): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/**
 * The bytes of the first block of a PEM text. Only the deployment's own configuration is PEM here.
 * @throws FairleadError edge.misconfigured
 */
export function readPem(pem: string): Bytes {
  const body = /-----BEGIN [A-Z ]+-----([A-Za-z0-9+/=\s]+)-----END /.exec(pem)?.[1];
  const bytes = body === undefined ? null : decodeBase64(body.replaceAll(/\s/g, ""));
  if (bytes === null)
    throw new FairleadError("edge.misconfigured", "DEPLOYMENT_CA or DEPLOYMENT_CA_KEY is not PEM.");
  return bytes;
}

/** A copy in an ArrayBuffer of its own: WebCrypto accepts no shared memory. */
export function copyOf(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}
