/**
 * Decides what a site does about its membership: at its start, and as its certificate ages. Pure functions.
 */
import type { ErrorCode } from "../../protocol/errors.ts";
import { RENEWABLE_MS } from "../../protocol/uplink/assertions.ts";

/**
 * Fraction of a certificate's life over which renewals are spread, so that sites do not renew all at once.
 */
const SPREAD = 0.1;

export interface Validity {
  /** ms since 1970. */
  readonly notBefore: number;
  /** ms since 1970. */
  readonly notAfter: number;
}

export type CertificateState = "good" | "expired" | "too_old";

/**
 * The state of a certificate at `now`. It is "good" before its validity, because then the site's clock is
 * behind.
 */
export function certificateState(validity: Validity, now: number): CertificateState {
  if (now < validity.notAfter) return "good";
  return now - validity.notAfter <= RENEWABLE_MS ? "expired" : "too_old";
}

/**
 * When to renew, ms since 1970: from half of the certificate's life on, spread by `random` (0 ≤ random < 1).
 */
export function renewAt(validity: Validity, random: number): number {
  const life = validity.notAfter - validity.notBefore;
  return Math.round(validity.notBefore + life * (0.5 + SPREAD * random));
}

export type Start =
  /** Redeem the first token that was not redeemed yet. The key may exist already. */
  | { readonly do: "join" }
  /** Use the membership in the state directory. */
  | { readonly do: "use" }
  /** Renew over the API first. */
  | { readonly do: "renew" }
  | {
      readonly do: "fail";
      readonly code: ErrorCode;
      readonly message?: string;
      /** What to do, where the code's action does not fit. */
      readonly action?: string;
    };

export interface StartFacts {
  /** The membership in the state directory; null for none. */
  readonly member:
    | (Validity & {
        readonly site: string;
        readonly formerNames: readonly string[];
        readonly network: string;
        readonly links: readonly { readonly issuer: string }[];
      })
    | null;
  /** The name given with --site. */
  readonly site: string | undefined;
  /** Count of tokens that were not redeemed yet. */
  readonly tokens: number;
  readonly now: number;
}

/** Decides how a site starts. A site may be started under a former name. */
export function decideStart({ member, site, tokens, now }: StartFacts): Start {
  if (member === null) return tokens === 0 ? { do: "fail", code: "token.missing" } : { do: "join" };
  if (site !== undefined && site !== member.site && !member.formerNames.includes(site)) {
    const message = `--site is ${site}, but this state directory belongs to site ${member.site}.`;
    const action = "Leave --site out, give the site's own name, or give another directory with --state.";
    return { do: "fail", code: "request.invalid", message, action };
  }
  switch (certificateState(member, now)) {
    case "good":
      return { do: "use" };
    case "expired":
      return { do: "renew" };
    case "too_old":
      return tokens > 0
        ? { do: "join" }
        : { do: "fail", code: "certificate.too_old", ...tooOld(member, now) };
  }
}

/**
 * The message about a certificate that is too old by this machine's clock, and the action: the clock first, then the
 * commands for a token of an issuer that the site has a link to.
 */
function tooOld(
  { notAfter, site, network, links }: NonNullable<StartFacts["member"]>,
  now: number,
): { message: string; action: string } {
  const ended = new Date(notAfter).toISOString();
  const clock = new Date(now).toISOString();
  const [first] = links;
  const linked = first === undefined || links.some(({ issuer }) => issuer === "network");
  const of = linked ? "" : ` --issuer ${first.issuer}`;
  return {
    message: `The certificate of site ${site} ended ${ended}, more than 30 days before the time of this machine's clock (${clock}), and can no longer be renewed.`,
    action: `If the clock of this machine is wrong, correct it and start again. If it is right, run \`fairlead token create --network ${network}${of} -o token.yaml\` where you are logged in, and start this connector again as before, with --token token.yaml: the site stays the same.`,
  };
}
