/** The file that a token is handed over in. */
import { stringify } from "yaml";
import type { Network } from "../../protocol/api/networks.ts";
import type { Token } from "../../protocol/api/tokens.ts";
import { TokenFile } from "../../protocol/tokens.ts";
import type { Config } from "../config.ts";

/** The token file's content. */
export function formatTokenFile(
  config: Pick<Config, "apiUrl" | "gatewayUrl" | "gatewayHostname" | "deploymentCa">,
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
      api: config.apiUrl,
      links: config.gatewayUrl,
      claim,
      ca: config.deploymentCa,
      // There the platform answers TLS, with certificates of a public CA.
      ...(config.gatewayHostname === null ? {} : { tls: "public" as const }),
    },
  };
  // A deployment that is configured wrongly should fail here, not at the site that gets the file.
  return stringify(TokenFile.parse(file));
}
