/** The operator's file about identity tokens, and what the Worker and workerd take from it. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { isLoopbackUrl, OidcFile } from "../../../protocol/api/oidc.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseWith } from "../../../protocol/parse.ts";
import { unreadable } from "../../files/file-errors.ts";

export interface OidcProvider {
  /** Variables of the Worker (workers/config.ts); none is secret. */
  readonly variables: Readonly<Record<string, string>>;
  /** Secrets of the Worker by name, of which there may be none. */
  readonly secrets: Readonly<Record<string, string>>;
  /** CA certificates that are trusted for the provider besides the system's, each PEM. */
  readonly authorities: readonly string[];
  /** Whether the file names a provider on this machine. */
  readonly onLoopback: boolean;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * Reads the file for `edge start --oidc`.
 * @throws FairleadError request.invalid, naming each wrong field; file.unreadable
 */
export async function readOidcFile(path: string): Promise<OidcProvider> {
  const file = parseWith(OidcFile, parseYaml(await readText(path, "--oidc:"), path), (why) =>
    invalid(path, why),
  );
  const { issuer, audience, claim, roles, jwks, door, ca } = file;
  const authorities =
    ca === undefined
      ? []
      : readAuthorities(
          await readText(resolve(dirname(path), ca), `--oidc ${path}: the file of its field ca,`),
          path,
        );
  return {
    variables: {
      OIDC_ISSUER: issuer,
      OIDC_AUDIENCE: audience,
      OIDC_CLAIM: claim,
      OIDC_ROLES: JSON.stringify(withoutNulls(roles)),
      ...(jwks === undefined ? {} : { OIDC_JWKS: jwks }),
      ...(door === undefined ? {} : { OIDC_CLIENT: door.client }),
    },
    secrets: door?.secretFile === undefined ? {} : await readSecret(path, door.secretFile),
    authorities,
    onLoopback: [issuer, jwks ?? issuer].some(isLoopbackUrl),
  };
}

/** The secret of the door's client, which is the first line of its file. @throws FairleadError request.invalid, file.* */
async function readSecret(path: string, secretFile: string): Promise<Readonly<Record<string, string>>> {
  const what = `--oidc ${path}: the file of its field door.secretFile,`;
  const [secret = ""] = (await readText(resolve(dirname(path), secretFile), what)).split(/\r?\n/, 1);
  if (secret !== "") return { OIDC_CLIENT_SECRET: secret };
  throw invalid(path, "door.secretFile: names a file whose first line is empty");
}

/** Roles in the form of the file, which the Worker parses as well. */
function withoutNulls(roles: OidcFile["roles"]) {
  return Object.fromEntries(
    Object.entries(roles).map(([value, { role, networks }]) => [
      value,
      networks === null ? role : { role, networks },
    ]),
  );
}

/** @param what the option or field that names the file */
async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw unreadable(cause, { what, path, source: "docs/operations.md shows the file." });
  }
}

function parseYaml(text: string, source: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw invalid(source, "is not YAML", cause);
  }
}

function readAuthorities(text: string, source: string): string[] {
  const found = text.match(CERTIFICATE) ?? [];
  try {
    if (found.length > 0 && found.every((pem) => new X509Certificate(pem).ca)) return found;
  } catch {
    // Refused below.
  }
  throw invalid(source, "ca: names no file of CA certificates (PEM)");
}

function invalid(source: string, why: string, cause?: unknown): FairleadError {
  const action = "Correct the file; docs/operations.md describes its fields.";
  return new FairleadError("request.invalid", `--oidc ${source}: ${why}.`, { cause, action });
}
