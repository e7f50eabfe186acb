/** The token file: the YAML in which a token reaches a site. */
import { stringify } from "yaml";
import type { Network } from "../../protocol/api/networks.ts";
import type { Token } from "../../protocol/api/tokens.ts";
import { TokenFile } from "../../protocol/tokens.ts";
import type { Config } from "../config.ts";

/** Formats the file of a token. */
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
      site: token.site,
      expires: token.expiresAt,
    },
    spec: {
      api: config.apiUrl,
      links: config.gatewayUrl,
      claim,
      ca: config.deploymentCa,
      // With a hostname of its own, the platform terminates TLS, with certificates of a public CA.
      tls: config.gatewayHostname === null ? undefined : "public",
    },
  };
  // The file is parsed again, so that a wrong file fails here and not at a site.
  return stringify(TokenFile.parse(file));
}
