/** What a site does about its membership: at start, and as its certificate ages. No clock, no files here. */

import type { ErrorCode } from "../../protocol/errors.ts";
import { RENEWABLE_MS } from "../../protocol/uplink/assertions.ts";

/** Part of a certificate's life within which the renewal is spread, so that sites do not come all at once. */
const SPREAD = 0.1;

export interface Validity {
  /** ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export type CertificateState = "good" | "expired" | "too_old";

/** How a certificate stands at `now`. One that is not valid yet is "good": then the site's clock is behind. */
export function certificateState(validity: Validity, now: number): CertificateState {
  if (now < validity.notAfter) return "good";
  return now - validity.notAfter <= RENEWABLE_MS ? "expired" : "too_old";
}

/** When to renew: from half of its life on, spread by `random` (0 ≤ random < 1). ms since 1970. */
export function renewAt(validity: Validity, random: number): number {
  const life = validity.notAfter - validity.notBefore;
  return Math.round(validity.notBefore + life * (0.5 + SPREAD * random));
}

export type Start =
  /** Redeem the first token that was not redeemed yet; the key may exist already. */
  | { readonly do: "join" }
  /** Use what the state directory holds. */
  | { readonly do: "go" }
  /** Renew on the API first. */
  | { readonly do: "renew" }
  | { readonly do: "fail"; readonly code: ErrorCode; readonly message?: string };

export interface StartFacts {
  /** What the state directory holds. */
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
  /** Tokens that were not redeemed yet. */
  readonly tokens: number;
  readonly now: number;
}

/** What a connector does when it starts. A site may be started under a name that it had before. */
export function decideStart({ member, site, tokens, now }: StartFacts): Start {
  if (member === null) return tokens === 0 ? { do: "fail", code: "token.missing" } : { do: "join" };
  if (site !== undefined && site !== member.site && !member.formerNames.includes(site)) {
    const message = `--site is ${site}, but this state directory belongs to site ${member.site}`;
    return { do: "fail", code: "request.invalid", message };
  }
  switch (certificateState(member, now)) {
    case "good":
      return { do: "go" };
    case "expired":
      return { do: "renew" };
    case "too_old":
      return tokens > 0
        ? { do: "join" }
        : { do: "fail", code: "certificate.too_old", message: tooOld(member) };
  }
}

/** What happened and the very commands that mend it, with a token of an issuer that the site is linked to already. */
function tooOld({ notAfter, site, network, links }: NonNullable<StartFacts["member"]>): string {
  const ended = new Date(notAfter).toISOString();
  const [first] = links;
  const linked = first === undefined || links.some(({ issuer }) => issuer === "network");
  const of = linked ? "" : ` --issuer ${first.issuer}`;
  return [
    `the certificate of site ${site} ended ${ended}, more than 30 days ago, and can no longer be renewed.`,
    `Where you are logged in, run \`fairlead token create --network ${network}${of} -o token.yaml\`;`,
    "then start this connector again as before, with --token token.yaml: the site stays the same",
  ].join(" ");
}
