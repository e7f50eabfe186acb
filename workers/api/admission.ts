/**
 * Admission: redeeming a token, and renewing an expired certificate. Connectors call these routes without a
 * key. The directory is asked first whether the network of a claim or certificate exists, so no request
 * creates a registry.
 */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { Admission, Redeem, Renew, RenewalResponse } from "../../protocol/api/admission.ts";
import { decodeBase64 } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { parseClaim } from "../../protocol/tokens.ts";
import { RENEWABLE_MS } from "../../protocol/uplink/assertions.ts";
import { verifyAssertion } from "../authority/identity.ts";
import { unwrap } from "../result.ts";
import { hashKey } from "./authentication.ts";
import { type Api, type ApiEnv, body, registryOf, responses } from "./context.ts";
import { countRequest, limitFailures } from "./request-limit.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["joining"];

/** Codes that count as a failed guess of a claim. */
const GUESSED = new Set<string>(["token.malformed", "token.unknown", "token.altered"]);

const redeem = createRoute({
  ...routeAccess("post", "/v1/redeem"),
  summary: "Join a network with a token",
  tags,
  request: { body: body(Redeem) },
  responses: responses(200, Admission, "The site's certificates and where to connect."),
});

const renew = createRoute({
  ...routeAccess("post", "/v1/renew"),
  summary: "Renew a site certificate that expired less than 30 days ago",
  tags,
  request: { body: body(Renew) },
  responses: responses(200, RenewalResponse, "New certificates for the same key."),
});

export function addAdmission(api: Api): void {
  api.openapi(redeem, async (c) => {
    countRequest(c, "redeem");
    const request = c.req.valid("json");
    const redeemed = () => redeemClaim(c, request);
    const credential = await hashKey(request.claim);
    return c.json(
      await limitFailures(c, "claims", credential, redeemed, ({ code }) => GUESSED.has(code)),
      200,
    );
  });

  api.openapi(renew, async (c) => {
    countRequest(c, "renew");
    const identity = await verifyAssertion(c.req.valid("json").assertion, {
      purpose: "renew",
      audiences: c.var.config.audiences,
      deploymentCa: c.var.config.deploymentCa,
      now: Date.now(),
      allowExpiredMs: RENEWABLE_MS,
    });
    const network = await c.var.directory.findNetwork(identity.networkId);
    if (network?.id !== identity.networkId) {
      throw new FairleadError("network.unknown", "The network of the site was deleted.", {
        action: "Join another network with a new token and an empty state directory.",
      });
    }
    const renewal = unwrap(await registryOf(c, network).renew(identity));
    return c.json({ ...renewal, edge: { links: c.var.config.gatewayUrl } }, 200);
  });
}

async function redeemClaim(c: Context<ApiEnv>, { claim: text, ...request }: Redeem): Promise<Admission> {
  const claim = parseClaim(text);
  if (claim === null) throw new FairleadError("token.malformed");
  if (decodeBase64(request.csr) === null) {
    throw new FairleadError("csr.invalid", "The certificate request is not base64.");
  }
  const network = await c.var.directory.findNetwork(claim.networkId);
  if (network?.id !== claim.networkId) throw new FairleadError("token.unknown");
  return unwrap(await registryOf(c, network).redeem({ claim, ...request }));
}
