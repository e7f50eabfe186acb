/** Maps failures of HTTPS connections to FairleadErrors, by their codes and never by their texts. */
import { FairleadError } from "../../protocol/errors.ts";
import { ContentTooLong } from "./http-client.ts";
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

/** Who connects to the edge: an operator with a login, or a site with the roots of its token. */
export type Caller = "operator" | "site";

/** What to do about an untrusted certificate whose cause is its CA. */
const UNTRUSTED_CA_ACTIONS: Readonly<Record<Caller, string>> = {
  operator:
    "Give the deployment CA, ca.pem in the state directory of the edge, with --ca of `fairlead login` or FAIRLEAD_CA. If it is given, another server answers at this address, or a proxy on the path replaces the certificate.",
  site: "Find out what answers at this address: another edge, which needs a token of its own, or a proxy on the path that replaces the certificate and must exclude the edge.",
};

/** What to do about an untrusted certificate whose cause is another than its CA. */
const UNTRUSTED_ACTIONS: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID:
    "Compare the clocks of this machine and of the edge, and correct the one that is wrong: by this machine's clock the certificate is not valid yet.",
  CERT_HAS_EXPIRED:
    "Compare the clocks of this machine and of the edge, and correct the one that is wrong: by this machine's clock the certificate has expired. If both are right, restart the edge, which renews its certificate.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "Use a name or an address that the certificate has; `fairlead edge start --hostname NAME` makes one for NAME. If the certificate is not the edge's, another server, a portal or a proxy answers at this address.",
};

/** What to do about a failed connection without a proxy. */
const UNREACHABLE_ACTIONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "Check the name in the URL, and the DNS of this machine: it does not know the name.",
  EAI_AGAIN: "Check the DNS of this machine: its server did not respond.",
  ECONNREFUSED: "Check that the edge runs, and the port in the URL: nothing listens there.",
  EHOSTUNREACH: "Check the network of this machine: it has no route to the edge.",
  ENETUNREACH: "Check the network of this machine: it has no route to the edge.",
  ECONNRESET:
    "Check the port in the URL, and the firewalls and proxies on the path: something closed the connection before TLS was set up.",
  EPROTO: "Check the port in the URL: what listens there does not speak TLS.",
  ERR_SSL_WRONG_VERSION_NUMBER: "Check the port in the URL: what listens there does not speak TLS.",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "Check the port in the URL: what listens there does not speak TLS.",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION:
    "Check what listens at the port in the URL: it does not speak TLS 1.3, which every edge does.",
  TIMEOUT:
    "Check that the edge runs, the address and port in the URL, and the firewalls on the path: nothing answered.",
  ETIMEDOUT:
    "Check that the edge runs, the address and port in the URL, and the firewalls on the path: nothing answered.",
  EMFILE: "Raise the limit of open files, for example with `ulimit -n`, and try again.",
  EACCES: "Permit the connection: a firewall or a policy of this machine forbids it.",
  EPERM: "Permit the connection: a firewall or a policy of this machine forbids it.",
};

/** What to do about a failed connection to the edge without a proxy; undefined for an unknown cause. */
function unreachableAction(codes: readonly string[]): string | undefined {
  const known = codes.find((code) => UNREACHABLE_ACTIONS[code] !== undefined);
  return known === undefined ? undefined : UNREACHABLE_ACTIONS[known];
}

/** What to do about a failed connection without a proxy; undefined for an unknown cause. */
export const dialAction = (thrown: unknown): string | undefined => unreachableAction(codesOf(thrown));

/** What to do about an HTTP answer that no Fairlead edge gives. */
export function foreignAnswerAction(status: number): string {
  if (status >= 300 && status <= 399) {
    return "Check the URL. A portal that asks for a login, or a proxy, answered in place of the edge: log in there, or use another network.";
  }
  if (status === 407) return "Give the user and password of the proxy in HTTPS_PROXY.";
  if (status === 403 || status === 451) {
    return "Check the URL. Otherwise a proxy or a firewall refuses the request: permit the address of the edge there.";
  }
  if (status >= 500) {
    return "Check that the edge runs: a proxy or load balancer in front of it answered. If nothing is in front of it, check the URL.";
  }
  return "Check the URL: another server than a Fairlead edge answers there. The API has an address of its own, without a path.";
}

/** The connection that failed. */
export interface Attempt {
  readonly url: string;
  /** Null for a direct connection. */
  readonly proxy: Pick<ProxyAddress, "origin" | "variable"> | null;
  readonly timeoutMs: number;
  /** Unless given, an operator. */
  readonly caller?: Caller;
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
      {
        ...cause,
        action: UNTRUSTED_ACTIONS[untrusted] ?? UNTRUSTED_CA_ACTIONS[attempt.caller ?? "operator"],
      },
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
  if (codes.some((code) => code === "TIMEOUT" || code === "ETIMEDOUT")) {
    const seconds = Math.round(attempt.timeoutMs / 1000);
    return new FairleadError("edge.unreachable", `${attempt.url} did not answer within ${seconds} s.`, {
      ...cause,
      action: unreachableAction(codes),
    });
  }
  if (thrown instanceof ContentTooLong) {
    return new FairleadError(
      "edge.internal",
      `The answer of ${attempt.url} is too long for a Fairlead edge.`,
      { ...cause, action: foreignAnswerAction(200) },
    );
  }
  const why = codes[0] === undefined ? "" : ` (${codes[0]})`;
  const action = unreachableAction(codes);
  return new FairleadError("edge.unreachable", `${attempt.url} does not answer${why}.`, { ...cause, action });
}
