/** The login of a command: the stored one, overridden by FAIRLEAD_URL, _KEY, _OIDC and _CA. */
import { readFile } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseEdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import { contentKindOf } from "../../files/content-kind.ts";
import { unreadable } from "../../files/file-errors.ts";
import { checkKey, readIdentityToken } from "./identity-token.ts";
import { type Environment, readLogin, type StoredLogin } from "./stored-login.ts";

/**
 * A login before its identity token is read. `stored` says whether a default network can be stored for it.
 */
export interface FoundLogin extends StoredLogin {
  readonly stored: boolean;
}

/** The login of a command. `key` authorises its requests: an API key or an identity token. */
export interface Login extends Omit<FoundLogin, "oidc"> {
  readonly key: string;
  /** Reads the identity token again from its file, where it is renewed; undefined without a file. */
  readonly readKey?: () => Promise<string>;
}

/**
 * Merges the environment into the stored login. Another URL in the environment discards the stored login,
 * whose key must never be sent to another edge.
 * @param ca contents of the file in FAIRLEAD_CA, PEM
 * @throws FairleadError edge.not_logged_in, request.invalid
 */
export function mergeLogin(stored: StoredLogin | null, env: Environment, ca: string | undefined): FoundLogin {
  const given = env.FAIRLEAD_URL ? parseEdgeOrigin(env.FAIRLEAD_URL) : undefined;
  if (given === null)
    throw new FairleadError("request.invalid", "FAIRLEAD_URL must be https://HOST[:PORT].", {
      action: "Set FAIRLEAD_URL to the address of the edge's API, without a path, or unset it.",
    });
  const base = given === undefined || given === stored?.url ? stored : null;
  const url = given ?? base?.url;
  if (url === undefined) throw new FairleadError("edge.not_logged_in");
  const credential =
    credentialIn(env) ??
    (base === null ? null : credentialIn({ FAIRLEAD_KEY: base.key, FAIRLEAD_OIDC: base.oidc }));
  if (credential === null) {
    throw new FairleadError("edge.not_logged_in", `There is no key for ${url}.`, {
      action: "Set FAIRLEAD_KEY or FAIRLEAD_OIDC as well, or run `fairlead login URL --key-file FILE`.",
    });
  }
  return {
    url,
    ...credential,
    stored: base !== null,
    ca: ca ?? base?.ca,
    network: base?.network,
  };
}

/** The credential in these variables. A key takes precedence over a file with an identity token. */
function credentialIn(env: Environment): { readonly key: string } | { readonly oidc: string } | null {
  // A key from a file, as `kubectl create secret --from-file` stores it, ends with a line end.
  if (env.FAIRLEAD_KEY) return { key: checkKey(env.FAIRLEAD_KEY.trim(), "FAIRLEAD_KEY") };
  return env.FAIRLEAD_OIDC ? { oidc: env.FAIRLEAD_OIDC } : null;
}

/** Where the file of a deployment CA comes from. */
const CA_SOURCE = "The deployment CA is ca.pem in the state directory of the edge.";

/**
 * Reads the file of a CA, and checks that it has a certificate.
 * @param name the option or variable that names the file
 * @throws FairleadError request.invalid, file.unreadable
 */
export async function readCa(path: string, name: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    throw unreadable(thrown, { what: `${name}:`, path, source: CA_SOURCE });
  });
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  const is = contentKindOf(text)?.is;
  throw new FairleadError(
    "request.invalid",
    `${name}: ${path} has no PEM certificate${is === undefined ? "" : `, but is ${is}`}.`,
    { action: CA_SOURCE },
  );
}

/** The stored login. With a URL and a credential in the environment, a login that cannot be read is none. */
async function storedLogin(env: Environment): Promise<StoredLogin | null> {
  if (!env.FAIRLEAD_URL || credentialIn(env) === null) return await readLogin(env);
  return await readLogin(env).catch(() => null);
}

/** Resolves the login of a command from the environment and the stored login. */
export async function resolveLogin(env: Environment): Promise<Login> {
  const ca = env.FAIRLEAD_CA ? await readCa(env.FAIRLEAD_CA, "FAIRLEAD_CA") : undefined;
  const { oidc, key, ...found } = mergeLogin(await storedLogin(env), env, ca);
  if (key !== undefined) return { ...found, key };
  if (oidc === undefined) throw new FairleadError("edge.not_logged_in");
  const name = oidc === env.FAIRLEAD_OIDC ? "FAIRLEAD_OIDC" : "the login's identity token";
  const readKey = () => readIdentityToken(oidc, name);
  return { ...found, key: await readKey(), readKey };
}
