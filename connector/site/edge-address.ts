/**
 * The addresses that a site dials. They come from the token file, which a person gave. An answer must not
 * contradict them: otherwise an impostor with a certificate of a public CA could redirect the site for good
 * with one answer.
 */
import type { Admission } from "../../protocol/api/admission.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import type { EdgeTrust } from "../net/trust.ts";

/** The addresses of an edge, in canonical form. */
export interface EdgeAddress {
  readonly api: string;
  /** Serves uplinks and lanes. */
  readonly gateway: string;
  /** Audience of assertions. */
  readonly audience: string;
}

/**
 * The addresses of the edge that admitted a site. The audience is the address of the API, and the gateway is
 * that of the token file. For a token file without a gateway (0.1.0), the answer names it, within {@link
 * isBound}.
 * @throws FairleadError `edge.wrong_address` when the answer contradicts the token file
 */
export function edgeAddressOf(token: TokenFile["spec"], answer: Admission["edge"]): EdgeAddress {
  const { api, links: gateway = answer.links, tls } = token;
  if (answer.audience !== api) throw wrong("audience", answer.audience, api);
  if (answer.links !== gateway) throw wrong("gateway", answer.links, gateway);
  const address = { api, gateway, audience: api };
  if (token.links !== undefined || isBound(address, { tls })) return address;
  throw new FairleadError(
    "edge.wrong_address",
    `The token file names no gateway, and the gateway of the answer (${gateway}) is not below ${api}.`,
  );
}

/**
 * Whether a gateway can be trusted without a token file that names it. It can where the deployment CA alone
 * proves the edge. Where public CAs prove the edge, the gateway must have the API's host or a name below it.
 */
export function isBound(
  { api, gateway }: Pick<EdgeAddress, "api" | "gateway">,
  { tls }: Pick<EdgeTrust, "tls">,
) {
  if (tls !== "public") return true;
  const [host, other] = [new URL(api).hostname, new URL(gateway).hostname];
  return other === host || other.endsWith(`.${host}`);
}

function wrong(what: string, answered: string, known: string): FairleadError {
  return new FairleadError(
    "edge.wrong_address",
    `The ${what} of the answer is ${answered}, but that of the token file is ${known}.`,
  );
}
