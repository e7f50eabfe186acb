/** What a deployment binds to the Worker: see wrangler.toml and, for the embedded edge, connector/edge. */
import type { OidcVariables } from "./oidc-variables.ts";

export interface Env extends OidcVariables {
  /** Reached through workers/registry/stub.ts. */
  readonly REGISTRY: DurableObjectNamespace;
  /** Reached through workers/router/stub.ts. */
  readonly ROUTER: DurableObjectNamespace;
  /** Reached through workers/directory/facade.ts. */
  readonly DIRECTORY: DurableObjectNamespace;
  /** Deployment CA, PEM. */
  readonly DEPLOYMENT_CA: string;
  /** Its private key, PKCS #8 PEM. Secret. */
  readonly DEPLOYMENT_CA_KEY: string;
  /** SHA-256 of the first admin key, lower-case hex. */
  readonly ADMIN_KEY_HASH: string;
  /** Where people and joining connectors reach the API; also the audience of assertions. */
  readonly API_URL: string;
  /** Where connectors dial uplinks and lanes (https). */
  readonly GATEWAY_URL: string;
  /** Port at the host of GATEWAY_URL where workerd itself takes lanes. Unset where lanes are dialled at GATEWAY_URL. */
  readonly LANES_PORT?: string;
  /** On Cloudflare, the hostname of GATEWAY_URL: requests to it are uplinks and lanes. Unset on the embedded edge. */
  readonly GATEWAY_HOSTNAME?: string;
}
