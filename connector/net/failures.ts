/** Maps failures of HTTPS connections to FairleadErrors, by their codes and never by their texts. */
import { FairleadError } from "../../protocol/errors.ts";
import type { ProxyAddress } from "./proxy.ts";

/** Node's codes for untrusted certificates, in addition to the codes that start with `CERT_`. */
const UNTRUSTED = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ERROR_IN_CERT_NOT_BEFORE_FIELD",
  "ERROR_IN_CERT_NOT_AFTER_FIELD",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "HOSTNAME_MISMATCH",
  "PATH_LENGTH_EXCEEDED",
]);

/** What to do about an untrusted certificate whose cause is another than its CA. */
const UNTRUSTED_ACTIONS: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID:
    "Compare the clocks of this machine and of the edge, and correct the one that is wrong: by this machine's clock the certificate is not valid yet.",
  CERT_HAS_EXPIRED:
    "Compare the clocks of this machine and of the edge, and correct the one that is wrong. If both are right, restart the edge, which renews its certificate.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "Use a name or an address that the certificate has; `fairlead edge start --hostname NAME` makes one for NAME.",
};

/** What to do about a failed connection without a proxy. */
const UNREACHABLE_ACTIONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "Check the name in the URL, and the DNS of this machine.",
  EAI_AGAIN: "Check the DNS of this machine: its server did not respond.",
  ECONNREFUSED: "Check that the edge runs, and the port in the URL.",
  EHOSTUNREACH: "Check the network of this machine: it has no route to the edge.",
  ENETUNREACH: "Check the network of this machine: it has no route to the edge.",
};

/** The connection that failed. */
export interface Attempt {
  readonly url: string;
  /** Null for a direct connection. */
  readonly proxy: Pick<ProxyAddress, "origin" | "variable"> | null;
  readonly timeoutMs: number;
}

/** The codes of an error and of its causes, outermost first. */
export function codesOf(thrown: unknown): string[] {
  const codes: string[] = [];
  for (let at = thrown, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at.name === "TimeoutError") codes.push("TIMEOUT");
    if ("code" in at && typeof at.code === "string") codes.push(at.code);
    if (at instanceof AggregateError) codes.push(...at.errors.flatMap((error) => codesOf(error)));
  }
  return codes;
}

/** Whether one of {@link codesOf} says that a certificate is not trusted. */
export function isUntrusted(code: string): boolean {
  return code.startsWith("CERT_") || UNTRUSTED.has(code);
}

/** The FairleadError for an error of an HTTPS client. A FairleadError, as of a proxy, stays as it is. */
export function httpsError(thrown: unknown, attempt: Attempt): FairleadError {
  if (thrown instanceof FairleadError) return thrown;
  const codes = codesOf(thrown);
  const cause = { cause: thrown };
  const untrusted = codes.find(isUntrusted);
  if (untrusted !== undefined) {
    return new FairleadError(
      "edge.untrusted",
      `The certificate of ${attempt.url} is not trusted (${untrusted}).`,
      { ...cause, action: UNTRUSTED_ACTIONS[untrusted] },
    );
  }
  if (codes.some((code) => code.startsWith("ERR_OSSL_PEM") || code.startsWith("ERR_OSSL_ASN1"))) {
    const action =
      "Give the PEM file of the deployment CA, which is ca.pem in the state directory of the edge.";
    return new FairleadError("edge.untrusted", "The CA given for the edge is not a PEM certificate.", {
      ...cause,
      action,
    });
  }
  if (attempt.proxy !== null && !codes.includes("TIMEOUT")) {
    const why = codes[0] === undefined ? "" : ` (${codes[0]})`;
    return new FairleadError(
      "proxy.failed",
      `${attempt.url} cannot be reached through the proxy ${attempt.proxy.origin}${why}.`,
      cause,
    );
  }
  if (
    codes.some((code) => code === "TIMEOUT" || code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT")
  ) {
    const seconds = Math.round(attempt.timeoutMs / 1000);
    return new FairleadError("edge.unreachable", `${attempt.url} did not answer within ${seconds} s.`, cause);
  }
  if (codes.includes("UND_ERR_RES_EXCEEDED_MAX_SIZE")) {
    return new FairleadError(
      "edge.internal",
      `The answer of ${attempt.url} is too long for a Fairlead edge.`,
      cause,
    );
  }
  const why = codes[0] === undefined ? "" : ` (${codes[0]})`;
  const known = codes.find((code) => UNREACHABLE_ACTIONS[code] !== undefined);
  const action = known === undefined ? undefined : UNREACHABLE_ACTIONS[known];
  return new FairleadError("edge.unreachable", `${attempt.url} does not answer${why}.`, { ...cause, action });
}
