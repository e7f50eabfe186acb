/**
 * Where a site dials. A token file says it, which came from a person; what an answer says may contradict nothing in it.
 * Otherwise whoever can answer once, with a certificate that some public CA should not have made, would decide for good.
 */
import type { Admission } from "../../protocol/api/admission.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import type { EdgeTrust } from "../net/trust.ts";

/** Addresses of an edge, canonical. */
export interface EdgeAddress {
  readonly api: string;
  /** Where uplinks and lanes are dialled. */
  readonly gateway: string;
  /** Of assertions. */
  readonly audience: string;
}

/**
 * The addresses that a redemption gives a site. The audience is the API's address; the gateway is the token
 * file's. A file that does not name one (of 0.1.0) leaves it to the answer, within {@link isBound}.
 * @throws FairleadError `edge.wrong_address` when the answer says anything else.
 */
export function edgeAddressOf(token: TokenFile["spec"], answer: Admission["edge"]): EdgeAddress {
  const { api, links: gateway = answer.links, tls } = token;
  if (answer.audience !== api) throw wrong("audience", answer.audience, api);
  if (answer.links !== gateway) throw wrong("gateway", answer.links, gateway);
  const address = { api, gateway, audience: api };
  if (token.links !== undefined || isBound(address, { tls })) return address;
  throw new FairleadError(
    "edge.wrong_address",
    `the token file names no gateway, and the answer's (${gateway}) is not below ${api}`,
  );
}

/**
 * Whether the gateway needs nobody's word. It does not where the deployment CA alone proves the edge: whoever
 * answers there holds its key. Where public CAs do, it must have the API's host, or a name below that.
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
    `the answer's ${what} is ${answered}, the token file's ${known}`,
  );
}
