/** The identity of a connector, from the assertion that it sends (protocol/uplink/assertions.ts). */
import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import * as z from "zod";
import { decodeBase64, equalBytes } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { BootId, NetworkId, SiteId } from "../../protocol/ids.ts";
import {
  ASSERTION_SECONDS,
  AssertionClaims,
  audienceFor,
  CLOCK_TOLERANCE_SECONDS,
  type Purpose,
  parseJti,
} from "../../protocol/uplink/assertions.ts";
import { verifyChain } from "./chain.ts";
import { type Bytes, importPublicKey, type Key, keyHashOf } from "./keys.ts";
import { readDeploymentCa } from "./x509.ts";

/**
 * Internal header with the identity that the Worker verified, for the registry: an {@link Identity} as JSON.
 */
export const IDENTITY_HEADER = "fairlead-identity";

/** A proven identity. Whether the network still admits the site is the registry's decision. */
export const Identity = z.object({
  networkId: NetworkId,
  siteId: SiteId,
  /** Serial of the site certificate, lower-case hex. */
  serial: z.string(),
  /** Base64url SHA-256 of the key's SubjectPublicKeyInfo. */
  keyHash: z.string(),
  boot: BootId,
  /** Grows with every assertion of a process. The registry refuses a counter that has not grown. */
  counter: z.number().int(),
  /** Expiry of the site certificate, ms since 1970. */
  notAfter: z.number(),
});
export type Identity = z.infer<typeof Identity>;

export interface AssertionOptions {
  readonly purpose: Purpose;
  /** The audiences of the edge: its API URL, and its former ones. */
  readonly audiences: readonly string[];
  /** PEM */
  readonly deploymentCa: string;
  /** ms since 1970 */
  readonly now: number;
  /** The certificate of the TLS connection, DER, where the platform reports it. */
  readonly tlsCertificate?: Uint8Array;
  /** How long after its expiry the site certificate is accepted, ms; for renewals. */
  readonly allowExpiredMs?: number;
}

/** Longest assertion that is read, characters. */
const MAX_ASSERTION = 16_384;

/**
 * Verifies an assertion: its chain, signature, audience, time and form. Where the certificate of the TLS
 * connection is known, the assertion must have the same certificate.
 * @throws FairleadError assertion.invalid, assertion.expired, assertion.audience, certificate.mismatch and
 *   the codes of {@link verifyChain}
 */
export async function verifyAssertion(jwt: string, options: AssertionOptions): Promise<Identity> {
  const chain = readChain(jwt);
  if (
    options.tlsCertificate !== undefined &&
    !equalBytes(chain[0] ?? new Uint8Array(), options.tlsCertificate)
  ) {
    throw new FairleadError("certificate.mismatch");
  }
  const site = await verifyChain(chain, {
    deploymentCa: readDeploymentCa(options.deploymentCa),
    now: options.now,
    allowExpiredMs: options.allowExpiredMs,
  });
  const claims = await verifyClaims(jwt, await importPublicKey(site.leaf.spki), options);
  if (claims.iss !== site.uri) throw invalid("its issuer is not the site of its certificate");
  const jti = parseJti(claims.jti);
  if (jti === null) throw invalid("its jti is malformed");
  return {
    networkId: site.networkId,
    siteId: site.siteId,
    serial: site.leaf.serial,
    keyHash: await keyHashOf(site.leaf.spki),
    boot: jti.boot,
    counter: jti.counter,
    notAfter: site.leaf.notAfter,
  };
}

/**
 * The site that the certificates of a refused assertion name, for the event log. The certificates may have
 * expired, and prove nothing about the sender. Null when this deployment did not sign them.
 */
export async function siteOfAssertion(
  jwt: string,
  { deploymentCa, now }: { deploymentCa: string; now: number },
): Promise<{ networkId: string; siteId: string } | null> {
  try {
    const { networkId, siteId } = await verifyChain(readChain(jwt), {
      deploymentCa: readDeploymentCa(deploymentCa),
      now,
      allowExpiredMs: Number.POSITIVE_INFINITY,
    });
    return { networkId, siteId };
  } catch {
    return null;
  }
}

const Texts = z.array(z.string()).min(1);

/** The certificates in the JWT's `x5c` header, DER. */
function readChain(jwt: string): Bytes[] {
  if (jwt.length > MAX_ASSERTION) throw invalid("it is too long");
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    header = decodeProtectedHeader(jwt);
  } catch (cause) {
    throw invalid("it is not a JWT", cause);
  }
  if (header.alg !== "ES256") throw invalid("its algorithm is not ES256");
  const x5c = Texts.safeParse(header.x5c);
  if (!x5c.success) throw invalid("it carries no certificates");
  return x5c.data.map((text) => {
    const der = decodeBase64(text);
    if (der === null) throw new FairleadError("certificate.untrusted", "A certificate in x5c is not base64.");
    return der;
  });
}

async function verifyClaims(
  jwt: string,
  key: Key,
  { audiences, purpose, now }: AssertionOptions,
): Promise<AssertionClaims> {
  let payload: unknown;
  try {
    const verified = await jwtVerify(jwt, key, {
      algorithms: ["ES256"],
      audience: audiences.map((audience) => audienceFor(audience, purpose)),
      requiredClaims: ["iss", "aud", "iat", "exp", "jti"],
      currentDate: new Date(now),
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    });
    payload = verified.payload;
  } catch (cause) {
    throw fromJose(cause);
  }
  const claims = AssertionClaims.safeParse(payload);
  if (!claims.success) throw invalid("its claims are malformed");
  const { iat, exp } = claims.data;
  if (exp <= iat || exp - iat > ASSERTION_SECONDS) {
    throw invalid(`it is valid for more than ${ASSERTION_SECONDS} s`);
  }
  // jose (6.2) checks `iat` only with a maximum age, and not against the future.
  if (iat > now / 1000 + CLOCK_TOLERANCE_SECONDS) {
    const ahead = Math.round(iat - now / 1000);
    throw new FairleadError(
      "assertion.expired",
      `The assertion is from the future: the clock of the site is ${ahead} s ahead of the edge's.`,
    );
  }
  return claims.data;
}

function fromJose(cause: unknown): FairleadError {
  if (cause instanceof errors.JWTExpired) {
    const { iat } = cause.payload;
    const made =
      iat === undefined ? "" : `, made at ${new Date(iat * 1000).toISOString()} by the site's clock`;
    return new FairleadError("assertion.expired", `The assertion${made} has expired by the edge's clock.`, {
      cause,
    });
  }
  if (cause instanceof errors.JWTClaimValidationFailed) {
    if (cause.claim === "aud") return new FairleadError("assertion.audience", undefined, { cause });
    if (cause.claim === "nbf" || cause.claim === "exp") {
      return new FairleadError("assertion.expired", undefined, { cause });
    }
    return invalid(`its claim "${cause.claim}" is missing or wrong`, cause);
  }
  return invalid("it is malformed or not signed by the key of its certificate", cause);
}

function invalid(why: string, cause?: unknown): FairleadError {
  return new FairleadError("assertion.invalid", `The assertion is refused: ${why}.`, { cause });
}
