/**
 * The token: an invitation to a network, as a YAML file (docs/protocol.md, "Joining").
 *
 *     apiVersion: fairlead/v1
 *     kind: Token
 *     metadata:
 *       name: <token id>
 *       network: <network name>
 *       issuer: <"network", or a site's name>
 *       site: <name>                      optional: the only site that the token admits
 *       expires: <ISO 8601>
 *     spec:
 *       api: https://edge.example         redeems the token; also the audience of the site's assertions
 *       links: https://gateway.example    the gateway, for uplinks and lanes; missing in files of 0.1.0
 *       claim: <network id>.<token id>.<secret>
 *       ca: |                             the deployment CA, PEM: the only root that redeeming trusts
 *       tls: public                       a platform makes the edge's server certificates: trust public roots as well
 *
 * The claim is the secret, of which the edge stores only SHA-256. The metadata is for people and proves
 * nothing. This file decides where a site dials and which CA it trusts. A response never does.
 */
import * as z from "zod";
import { encodeBase64Url } from "./encoding.ts";
import { EdgeOrigin } from "./front/edge-origin.ts";
import { NetworkId, TokenId } from "./ids.ts";

/** Random bytes in a claim's secret. */
export const CLAIM_SECRET_BYTES = 32;

/** Base64url characters of {@link CLAIM_SECRET_BYTES}. */
const SECRET_CHARACTERS = 43;

/** The schema of a token file. */
export const TokenFile = z.object({
  apiVersion: z.literal("fairlead/v1"),
  kind: z.literal("Token"),
  metadata: z.object({
    name: TokenId,
    network: z.string(),
    issuer: z.string(),
    /** The name of the only site that the token admits. */
    site: z.string().optional(),
    expires: z.iso.datetime(),
  }),
  spec: z.object({
    api: EdgeOrigin,
    links: EdgeOrigin.optional(),
    claim: z.string(),
    ca: z.string().includes("-----BEGIN CERTIFICATE-----").includes("-----END CERTIFICATE-----"),
    tls: z.literal("public").optional(),
  }),
});
export type TokenFile = z.infer<typeof TokenFile>;

/** The parts of a claim. */
export interface Claim {
  readonly networkId: string;
  readonly tokenId: string;
  readonly secret: string;
}

/** The text of a claim. */
export function formatClaim(networkId: string, tokenId: string, secret: Uint8Array): string {
  return `${networkId}.${tokenId}.${encodeBase64Url(secret)}`;
}

/** Parses a claim. Null for any other text, which callers report as `token.malformed`. */
export function parseClaim(text: string): Claim | null {
  const [network, token, secret, ...rest] = text.split(".");
  if (network === undefined || token === undefined || secret === undefined || rest.length > 0) return null;
  if (!NetworkId.safeParse(network).success || !TokenId.safeParse(token).success) return null;
  if (secret.length !== SECRET_CHARACTERS || !/^[A-Za-z0-9_-]+$/.test(secret)) return null;
  return { networkId: network, tokenId: token, secret };
}
