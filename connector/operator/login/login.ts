/** Which login a command uses: the stored one, with FAIRLEAD_URL, _KEY, _OIDC and _CA over it. */
import { readFile } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseEdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import { readIdentityToken } from "./identity-token.ts";
import { type Environment, readLogin, type StoredLogin } from "./stored-login.ts";

/** A login as it was found. `stored` tells whether a default network may be kept for it. */
export interface FoundLogin extends StoredLogin {
  readonly stored: boolean;
}

/** The login a command uses: `key` is what authorises its requests. */
export interface Login extends Omit<FoundLogin, "oidc"> {
  readonly key: string;
}

/**
 * Puts the environment over the stored login. Another address in the environment takes nothing from the
 * stored login: its key must never be sent to a place it was not made for.
 * @param ca PEM that FAIRLEAD_CA names.
 * @throws FairleadError `edge.not_logged_in`, `request.invalid`.
 */
export function mergeLogin(stored: StoredLogin | null, env: Environment, ca: string | undefined): FoundLogin {
  const given = env.FAIRLEAD_URL ? parseEdgeOrigin(env.FAIRLEAD_URL) : undefined;
  if (given === null) throw new FairleadError("request.invalid", "FAIRLEAD_URL must be https://HOST[:PORT]");
  const base = given === undefined || given === stored?.url ? stored : null;
  const url = given ?? base?.url;
  if (url === undefined) throw new FairleadError("edge.not_logged_in");
  const who =
    whoIn(env) ?? (base === null ? null : whoIn({ FAIRLEAD_KEY: base.key, FAIRLEAD_OIDC: base.oidc }));
  if (who === null) {
    throw new FairleadError("edge.not_logged_in", `no key is known for ${url}: set FAIRLEAD_KEY, or log in`);
  }
  const trusted = ca ?? base?.ca;
  return {
    url,
    ...who,
    stored: base !== null,
    ...(trusted === undefined ? {} : { ca: trusted }),
    ...(base?.network === undefined ? {} : { network: base.network }),
  };
}

/** Who we are by these variables: a key comes before a file with an identity token. */
function whoIn(env: Environment): { readonly key: string } | { readonly oidc: string } | null {
  if (env.FAIRLEAD_KEY) return { key: env.FAIRLEAD_KEY };
  return env.FAIRLEAD_OIDC ? { oidc: env.FAIRLEAD_OIDC } : null;
}

/**
 * Reads a CA file and checks that it holds a certificate.
 * @throws FairleadError `request.invalid`; `name` says which option or variable named the file.
 */
export async function readCa(path: string, name: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FairleadError("request.invalid", `${name}: ${why}`, { cause: thrown });
  });
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new FairleadError("request.invalid", `${name}: ${path} holds no PEM certificate`);
}

/** The login that a command uses, from the environment and the stored file. */
export async function resolveLogin(env: Environment): Promise<Login> {
  const ca = env.FAIRLEAD_CA ? await readCa(env.FAIRLEAD_CA, "FAIRLEAD_CA") : undefined;
  const { oidc, key, ...found } = mergeLogin(await readLogin(env), env, ca);
  if (key !== undefined) return { ...found, key };
  if (oidc === undefined) throw new FairleadError("edge.not_logged_in");
  const name = oidc === env.FAIRLEAD_OIDC ? "FAIRLEAD_OIDC" : "the login's identity token";
  return { ...found, key: await readIdentityToken(oidc, name) };
}
