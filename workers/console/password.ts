/**
 * The stored form of passwords: scrypt, with its parameters, as `scrypt$N$r$p$salt$hash`. Cloudflare refuses PBKDF2
 * above 100,000 iterations (workerd 1.20261117), and scrypt also takes memory from an attacker.
 */
/// <reference path="./node-crypto.d.ts" />
import { scrypt } from "node:crypto";
import { decodeBase64, encodeBase64Url, equalBytes } from "../../protocol/encoding.ts";

/** The parameters of new passwords: 16 MiB, and about a quarter of a second. */
const COST = { N: 2 ** 14, r: 8, p: 5 } as const;
/** The largest parameters of a stored password that are computed. */
const MOST = { N: 2 ** 17, r: 16, p: 16 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** The stored form of a new password. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = await derive(password, salt, COST);
  return ["scrypt", COST.N, COST.r, COST.p, encodeBase64Url(salt), encodeBase64Url(hash)].join("$");
}

/**
 * Whether a password is the stored one.
 * @param stored null for a user that does not exist, whose check takes the same time
 */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const parsed = stored === null ? null : parse(stored);
  const { cost, salt, hash } = parsed ?? {
    cost: COST,
    salt: new Uint8Array(SALT_BYTES),
    hash: new Uint8Array(HASH_BYTES),
  };
  const isEqual = equalBytes(await derive(password, salt, cost), hash);
  return isEqual && parsed !== null;
}

function parse(stored: string) {
  const [scheme, n, r, p, salt = "", hash = ""] = stored.split("$");
  const cost = { N: Number(n), r: Number(r), p: Number(p) };
  const [saltBytes, hashBytes] = [decodeBase64(salt), decodeBase64(hash)];
  const isKnown = scheme === "scrypt" && cost.N <= MOST.N && cost.r <= MOST.r && cost.p <= MOST.p;
  return isKnown && saltBytes !== null && hashBytes !== null && hashBytes.length === HASH_BYTES
    ? { cost, salt: saltBytes, hash: hashBytes }
    : null;
}

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

function derive(password: string, salt: Uint8Array, { N, r, p }: Cost): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  // The same text has several forms in Unicode, and keyboards differ in the one that they send.
  const options = { N, r, p, maxmem: 2 * 128 * N * r };
  scrypt(password.normalize("NFC"), salt, HASH_BYTES, options, (error, key) => {
    if (error === null) resolve(new Uint8Array(key));
    else reject(error);
  });
  return promise;
}
