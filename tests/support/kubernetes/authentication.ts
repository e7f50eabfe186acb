/** Who asks: bearer tokens of an administrator and of ServiceAccounts, which expire and end with their account. */
import { randomBytes, randomUUID } from "node:crypto";
import { decodeJwt, generateKeyPair, jwtVerify, SignJWT } from "jose";
import * as z from "zod";
import { type JsonObject, objectIn } from "./json.ts";
import { timeOf } from "./object.ts";
import { unauthorized } from "./status.ts";
import type { Storage } from "./storage.ts";

const ISSUER = "https://kubernetes.default.svc.cluster.local";

export interface User {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
}

const Claims = z.object({
  "kubernetes.io": z.object({
    namespace: z.string(),
    serviceaccount: z.object({ name: z.string(), uid: z.string() }),
  }),
});

export interface IssuedToken {
  readonly token: string;
  readonly expires: string;
}

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;

export class Authenticator {
  readonly #storage: Storage;
  readonly #keys: Keys;
  /** The token of the user `kubernetes-admin`, who may do everything. */
  readonly adminToken = randomBytes(24).toString("base64url");
  /** How far the server's clock of tokens is ahead, ms: a test lets tokens expire with it. */
  clockOffset = 0;

  private constructor(storage: Storage, keys: Keys) {
    this.#storage = storage;
    this.#keys = keys;
  }

  static async create(storage: Storage): Promise<Authenticator> {
    return new Authenticator(storage, await generateKeyPair("ES256"));
  }

  /** @throws StatusError 401 for a token that is unknown, expired, or of an account that is gone */
  async authenticate(authorization: string | undefined): Promise<User> {
    if (authorization === undefined) {
      return { name: "system:anonymous", uid: "", groups: ["system:unauthenticated"] };
    }
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
    const user = token === undefined ? undefined : await this.userOf(token);
    if (user === undefined) throw unauthorized();
    return user;
  }

  /** The user that a token stands for, or undefined. */
  async userOf(token: string): Promise<User | undefined> {
    if (token === this.adminToken) {
      return { name: "kubernetes-admin", uid: "", groups: ["system:masters", "system:authenticated"] };
    }
    const claims = await jwtVerify(token, this.#keys.publicKey, {
      issuer: ISSUER,
      audience: ISSUER,
      currentDate: new Date(this.#now()),
    }).then(
      ({ payload }) => Claims.parse(payload)["kubernetes.io"],
      () => undefined,
    );
    if (claims === undefined) return undefined;
    const { namespace, serviceaccount } = claims;
    const account = this.#storage.collection("serviceaccounts").get(`${namespace}/${serviceaccount.name}`);
    if (account?.metadata.uid !== serviceaccount.uid) return undefined;
    return {
      name: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
      uid: serviceaccount.uid,
      groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    };
  }

  /** Signs a token of an account. @param seconds its lifetime */
  async issue(account: JsonObject, seconds: number, audiences: readonly string[] = []): Promise<IssuedToken> {
    const { name, namespace, uid } = objectIn(account.metadata);
    const now = Math.floor(this.#now() / 1000);
    const token = await new SignJWT({
      "kubernetes.io": { namespace, serviceaccount: { name, uid } },
    })
      .setProtectedHeader({ alg: "ES256" })
      .setIssuer(ISSUER)
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .setAudience(audiences.length === 0 ? ISSUER : [...audiences])
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + seconds)
      .sign(this.#keys.privateKey);
    return { token, expires: timeOf((now + seconds) * 1000) };
  }

  #now(): number {
    return Date.now() + this.clockOffset;
  }
}

/** When a token expires, ms since 1970. For tests that look at what a client holds. */
export const expiryOf = (token: string) => (decodeJwt(token).exp ?? 0) * 1000;
