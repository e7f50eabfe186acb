/**
 * The move of a site to another address of its edge. Only a person can ask for it: by `fairlead site move`, or by a token
 * file that names the address. Network, site, key and CAs stay, and the edge at the new address must prove itself.
 */
import type { RenewalResponse } from "../../protocol/api/admission.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { type Holds, wrongAnswer } from "./chain.ts";
import { isBound } from "./edge-address.ts";
import { type Membership, renewed } from "./membership.ts";
import type { Site } from "./site.ts";

/** The new address. */
export interface EdgeMove {
  /** URL of the API. */
  readonly api: string;
  /** URL of the gateway; unless given, the edge at `api` names it. */
  readonly gateway?: string | undefined;
}

/** A site at an address that is not in use yet. */
export type Prospect = Pick<Site, "membership" | "keyPem" | "assert">;

/** Opens an uplink at the gateway of a prospect, and closes it. @throws FairleadError when that is not possible */
export type ReachGateway = (prospect: Prospect) => Promise<void>;

/**
 * The membership at the new address. Its edge has renewed the site's certificate there, for an assertion that names the
 * address: a certificate that the site has not seen proves that the edge has the network's CA, and that the address is
 * one of its own. So a machine between the site and its edge can neither answer by itself nor pass the request on.
 * @throws FairleadError `certificate.untrusted`, `edge.wrong_address`, `request.invalid`
 */
export function movedTo(
  membership: Membership,
  { api, gateway: given }: EdgeMove,
  renewal: RenewalResponse,
  holds: Holds,
): Membership {
  const next = renewed(membership, renewal, holds);
  if (next.chain === membership.chain) {
    throw wrongAnswer(`The edge at ${api} did not renew the certificate.`);
  }
  const gateway = given ?? renewal.edge?.links;
  if (gateway === undefined) {
    throw new FairleadError("request.invalid", `The edge at ${api} does not name its gateway.`, {
      action: "Give the gateway's URL with --gateway.",
    });
  }
  const { tls } = membership.edge;
  if (given === undefined && !isBound({ api, gateway }, { tls })) {
    throw new FairleadError(
      "edge.wrong_address",
      `The gateway of the answer (${gateway}) is not below ${api}.`,
      {
        action: "If that is the gateway of your edge, give it with --gateway.",
      },
    );
  }
  return { ...next, edge: { api, gateway, audience: api, tls } };
}
