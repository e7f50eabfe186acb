/** The file that a token is handed over in. */
import { stringify } from "yaml";
import type { Network } from "../../protocol/api/networks.ts";
import type { Token } from "../../protocol/api/tokens.ts";
import { TokenFile } from "../../protocol/tokens.ts";
import type { Env } from "../config.ts";

/** The token file's content. */
export function formatTokenFile(
  env: Pick<Env, "API_URL" | "GATEWAY_URL" | "DEPLOYMENT_CA" | "GATEWAY_HOSTNAME">,
  network: Network,
  token: Token,
  claim: string,
): string {
  const file: TokenFile = {
    apiVersion: "fairlead/v1",
    kind: "Token",
    metadata: {
      name: token.id,
      network: network.name,
      issuer: token.issuer,
      ...(token.site === undefined ? {} : { site: token.site }),
      expires: token.expiresAt,
    },
    spec: {
      api: env.API_URL,
      links: env.GATEWAY_URL,
      claim,
      ca: env.DEPLOYMENT_CA,
      // There the platform answers TLS, with certificates of a public CA.
      ...(env.GATEWAY_HOSTNAME ? { tls: "public" as const } : {}),
    },
  };
  // A deployment that is configured wrongly should fail here, not at the site that gets the file.
  return stringify(TokenFile.parse(file));
}
