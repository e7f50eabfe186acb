/** Who may send requests to a door. */
import { encodeHex } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { DoorAccess } from "../../protocol/hostnames.ts";
import { type IdentityTokens, looksLikeToken } from "../auth/identity-tokens.ts";
import type { Config } from "../config.ts";
import { openDirectory } from "../directory/facade.ts";
import type { Limits } from "../limits/limits.ts";
import { readSession } from "./browser-session.ts";
import { credentialsOf, type DoorCredentials } from "./credentials.ts";

/** The door that a request is for. */
export interface RequestedDoor {
  readonly network: string;
  readonly hostname: string;
  readonly access: DoorAccess;
}

/** A verified caller. */
export interface DoorCaller {
  /** `key NAME`, `oidc SUBJECT` or `anyone`. */
  readonly caller: string;
  /** Whether `Authorization` holds the credential, which the target does not get. */
  readonly ownAuthorization: boolean;
}

export interface AccessOptions {
  readonly config: Config;
  readonly limits: Limits;
  readonly identityTokens: IdentityTokens;
  /** The client that failures count for. */
  readonly client: string;
  /** ms since 1970 */
  readonly now: number;
}

/**
 * Verifies the credential of a request. The session of a browser comes first: `Authorization` is the target's then.
 * @throws FairleadError door.unauthorized, door.limited, oidc.*
 */
export async function authorizeRequest(
  headers: Headers,
  door: RequestedDoor,
  options: AccessOptions,
): Promise<DoorCaller> {
  const credentials = credentialsOf(headers);
  const { keyInAuthorization } = credentials;
  if (door.access === "open") return { caller: "anyone", ownAuthorization: keyInAuthorization };
  const inSession = await callerInSession(credentials, door, options);
  if (inSession !== null) return { caller: inSession, ownAuthorization: keyInAuthorization };
  const text = door.access === "key" ? credentials.key : credentials.token;
  if (text === null) throw new FairleadError("door.unauthorized");
  const hash = await sha256(text);
  return await limited(hash, options, async () => {
    if (door.access !== "key") return verifyToken(text, options);
    return { caller: await useKey(hash, door, options), ownAuthorization: keyInAuthorization };
  });
}

/**
 * Limits the failures of a verification by client.
 * @param credential a hash of the credential; null when it proves nothing by itself
 * @throws FairleadError door.limited; what `verify` throws
 */
export async function limited<T>(
  credential: string | null,
  { limits, client, now }: AccessOptions,
  verify: () => Promise<T>,
): Promise<T> {
  const wait = limits.doors.admit(client, credential, now);
  if (wait > 0) throw new FairleadError("door.limited", undefined, { retryAfterMs: wait });
  try {
    const verified = await verify();
    limits.doors.succeeded(credential, now);
    return verified;
  } catch (thrown) {
    const left = limits.doors.failed(client, credential, now);
    if (left > 0) throw new FairleadError("door.limited", undefined, { retryAfterMs: left });
    throw thrown;
  }
}

/**
 * The caller of a key for the hostname, by the key's hash. The use is noted.
 * @throws FairleadError door.unauthorized
 */
export async function useKey(
  hash: string,
  { network, hostname }: RequestedDoor,
  { config }: AccessOptions,
): Promise<string> {
  const key = await openDirectory(config.objects.directory).useDoorKey({ network, hostname, hash });
  if (key === null) throw new FairleadError("door.unauthorized");
  return `key ${printable(key.name)}`;
}

/** The caller whom the session of a browser proves; null without a valid one, or when its key was revoked. */
async function callerInSession(
  { session: text }: DoorCredentials,
  door: RequestedDoor,
  options: AccessOptions,
): Promise<string | null> {
  const { config, now } = options;
  if (text === null) return null;
  const session = await readSession(text, door, { deploymentCaKey: config.deploymentCaKey, now });
  if (session?.proof.kind !== door.access) return null;
  const { proof } = session;
  if (proof.kind === "oidc") {
    const { oidc } = config;
    const isTrusted = oidc !== null && !(oidc instanceof FairleadError) && oidc.issuer === proof.issuer;
    return isTrusted ? `oidc ${proof.name}` : null;
  }
  try {
    return await useKey(proof.hash, door, options);
  } catch (thrown) {
    if (thrown instanceof FairleadError && thrown.code === "door.unauthorized") return null;
    throw thrown;
  }
}

async function verifyToken(token: string, { config, identityTokens }: AccessOptions): Promise<DoorCaller> {
  const { oidc } = config;
  if (oidc instanceof FairleadError) throw oidc;
  if (oidc === null || !looksLikeToken(token)) throw new FairleadError("door.unauthorized");
  const name = await identityTokens.identify(token, oidc);
  return { caller: `oidc ${printable(name)}`, ownAuthorization: true };
}

/** The name of a caller as a field of a head can hold it. */
export const printable = (name: string): string =>
  name
    .replace(/^oidc /, "")
    .replaceAll(/[^\x20-\x7e]/g, "?")
    .slice(0, 200);

/** SHA-256 of a text, lower-case hex. */
export async function sha256(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return encodeHex(new Uint8Array(bytes));
}
