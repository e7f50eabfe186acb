/** Who may send requests to a door. */
import { encodeHex } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { DoorAccess } from "../../protocol/hostnames.ts";
import { type IdentityTokens, looksLikeToken } from "../auth/identity-tokens.ts";
import type { Config } from "../config.ts";
import { openDirectory } from "../directory/facade.ts";
import type { Limits } from "../limits/limits.ts";
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
 * Verifies the credential of a request.
 * @throws FairleadError door.unauthorized, door.limited, oidc.*
 */
export async function authorizeRequest(
  headers: Headers,
  door: RequestedDoor,
  options: AccessOptions,
): Promise<DoorCaller> {
  const credentials = credentialsOf(headers);
  if (door.access === "open") return { caller: "anyone", ownAuthorization: credentials.keyInAuthorization };
  const text = door.access === "key" ? credentials.key : credentials.token;
  if (text === null) throw new FairleadError("door.unauthorized");
  const hash = await sha256(text);
  const { limits, client, now } = options;
  const wait = limits.doors.admit(client, hash, now);
  if (wait > 0) throw new FairleadError("door.limited", undefined, { retryAfterMs: wait });
  try {
    const caller =
      door.access === "key"
        ? await verifyKey(hash, credentials, door, options)
        : await verifyToken(text, options);
    limits.doors.succeeded(hash, now);
    return caller;
  } catch (thrown) {
    const left = limits.doors.failed(client, hash, now);
    if (left > 0) throw new FairleadError("door.limited", undefined, { retryAfterMs: left });
    throw thrown;
  }
}

async function verifyKey(
  hash: string,
  { keyInAuthorization }: DoorCredentials,
  { network, hostname }: RequestedDoor,
  { config }: AccessOptions,
): Promise<DoorCaller> {
  const key = await openDirectory(config.objects.directory).useDoorKey({ network, hostname, hash });
  if (key === null) throw new FairleadError("door.unauthorized");
  return { caller: `key ${printable(key.name)}`, ownAuthorization: keyInAuthorization };
}

async function verifyToken(token: string, { config, identityTokens }: AccessOptions): Promise<DoorCaller> {
  const { oidc } = config;
  if (oidc instanceof FairleadError) throw oidc;
  if (oidc === null || !looksLikeToken(token)) throw new FairleadError("door.unauthorized");
  const name = await identityTokens.identify(token, oidc);
  return { caller: `oidc ${printable(name.replace(/^oidc /, ""))}`, ownAuthorization: true };
}

/** A name as a field of a head can hold it. */
const printable = (name: string): string => name.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200);

async function sha256(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return encodeHex(new Uint8Array(bytes));
}
