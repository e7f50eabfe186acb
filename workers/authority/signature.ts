/** ECDSA signatures over P-256, in the form of certificates. */
import { bits, DerReader, integer, oid, sequence, TAG } from "./der.ts";
import { type Bytes, ECDSA_SHA256, importPublicKey, type Key } from "./keys.ts";

/** The hash of each signature algorithm that is verified, by its object identifier. */
const HASHES: Readonly<Record<string, "SHA-256" | "SHA-384" | "SHA-512">> = {
  "1.2.840.10045.4.3.2": "SHA-256",
  "1.2.840.10045.4.3.3": "SHA-384",
  "1.2.840.10045.4.3.4": "SHA-512",
};

/** The algorithm of every signature made here: ecdsa-with-SHA256. DER. */
export const ALGORITHM = sequence(oid("1.2.840.10045.4.3.2"));

/** A signed element and its signature. */
export interface Signed {
  /** The signed element, DER. */
  readonly raw: Bytes;
  /** Object identifier of the signature algorithm. */
  readonly algorithm: string;
  /** The ECDSA signature, DER. */
  readonly signature: Bytes;
}

/** Reads `SEQUENCE { body, algorithm, signature }`. */
export function readSigned(der: Bytes): Signed & { readonly body: DerReader } {
  const outer = DerReader.open(der);
  const { raw, content } = outer.next(TAG.sequence);
  const algorithm = readAlgorithm(outer.enter());
  const signature = outer.bits();
  outer.end();
  return { raw, body: new DerReader(content), algorithm, signature };
}

/** Reads an algorithm's identifier. Parameters are ignored: the verified algorithms have none. */
export function readAlgorithm(reader: DerReader): string {
  const algorithm = reader.oid();
  if (HASHES[algorithm] !== undefined) reader.end();
  return algorithm;
}

/**
 * Whether a key signed an element.
 * @param spki the key, SPKI DER
 */
export async function isSigned({ raw, algorithm, signature }: Signed, spki: Bytes): Promise<boolean> {
  const hash = HASHES[algorithm];
  const plain = plainSignature(signature);
  if (hash === undefined || plain === null) return false;
  try {
    return await crypto.subtle.verify({ name: "ECDSA", hash }, await importPublicKey(spki), plain, raw);
  } catch {
    return false;
  }
}

/** Bytes of each of the two numbers of a P-256 signature. */
const NUMBER_BYTES = 32;

/** An ECDSA signature in WebCrypto's form, both numbers in sequence; null when the signature is malformed. */
function plainSignature(der: Bytes): Bytes | null {
  const plain = new Uint8Array(2 * NUMBER_BYTES);
  try {
    const reader = DerReader.open(der);
    for (const end of [NUMBER_BYTES, 2 * NUMBER_BYTES]) {
      const { content } = reader.next(TAG.integer);
      const [first = 0x80, second = 0] = content;
      const padded = first === 0 && content.length > 1;
      if ((first & 0x80) !== 0 || (padded && (second & 0x80) === 0)) return null;
      const magnitude = padded ? content.subarray(1) : content;
      if (magnitude.length > NUMBER_BYTES) return null;
      plain.set(magnitude, end - magnitude.length);
    }
    reader.end();
  } catch {
    return null;
  }
  return plain;
}

/** `SEQUENCE { body, algorithm, signature }`, signed with a private key. */
export async function signed(body: Bytes, key: Key): Promise<Bytes> {
  const plain = new Uint8Array(await crypto.subtle.sign(ECDSA_SHA256, key, body));
  const [r, s] = [plain.subarray(0, NUMBER_BYTES), plain.subarray(NUMBER_BYTES)];
  return sequence(body, ALGORITHM, bits(sequence(integer(r), integer(s))));
}
