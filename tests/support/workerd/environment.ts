/** The deployment under test, made in Node for each run and given to workerd as bindings. */
import { encodeHex } from "../../../protocol/encoding.ts";
import { createDeploymentCa } from "../authority/test-site.ts";

/** The first admin key of the deployment under test. */
export const ADMIN_KEY = `flk_admin_${"a".repeat(43)}`;
export const API_URL = "https://edge.test";
export const GATEWAY_URL = "https://gateway.test";
export const GATEWAY_HOSTNAME = "gateway.test";

export async function createTestEnvironment() {
  const ca = await createDeploymentCa();
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(ADMIN_KEY));
  return {
    DEPLOYMENT_CA: ca.certificate,
    DEPLOYMENT_CA_KEY: ca.key,
    ADMIN_KEY_HASH: encodeHex(new Uint8Array(hash)),
    API_URL,
    GATEWAY_URL,
    GATEWAY_HOSTNAME,
  };
}
