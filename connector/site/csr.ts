/**
 * The certificate request (PKCS #10, RFC 2986) that a joining site sends. It is written without a library, whose start
 * took an eighth of that of a connector.
 */
import { createPublicKey, type KeyObject, sign } from "node:crypto";

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  attributes: 0xa0,
} as const;

/** Object identifiers with tag and length, DER. */
const COMMON_NAME = Buffer.from("0603550403", "hex");
const ECDSA_WITH_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");

/**
 * Makes a self-signed request for a P-256 `key`, base64 DER. The subject is only for people: the edge reads nothing but
 * the public key.
 */
export function makeCsr(key: KeyObject, site: string): string {
  const name = sequence(der(TAG.set, sequence(COMMON_NAME, der(TAG.utf8String, Buffer.from(site)))));
  const publicKey = createPublicKey(key).export({ type: "spki", format: "der" });
  const version = der(TAG.integer, Buffer.of(0));
  const body = sequence(version, name, publicKey, der(TAG.attributes));
  const signature = sign("sha256", body, { key, dsaEncoding: "der" });
  // The first byte of a bit string is the number of unused bits.
  const request = sequence(body, sequence(ECDSA_WITH_SHA256), der(TAG.bitString, Buffer.of(0), signature));
  return request.toString("base64");
}

/** A value of DER: its tag, its length and its content. */
function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(content);
  return Buffer.concat([Buffer.of(tag, ...lengthOf(value.length)), value]);
}

const sequence = (...content: readonly Uint8Array[]) => der(TAG.sequence, ...content);

/** The length of a value below 64 KiB: one byte, or the number of bytes that follow. */
function lengthOf(bytes: number): number[] {
  if (bytes < 0x80) return [bytes];
  return bytes < 0x100 ? [0x81, bytes] : [0x82, bytes >> 8, bytes & 0xff];
}
