/** What deploying takes, as pure functions of what is to be deployed and what Cloudflare says: a dry run shows the same. */
import type { Rule } from "./cloudflare.ts";
import type { Hostnames } from "./hostnames.ts";

export interface Deployment extends Hostnames {
  /** Name of the Worker. */
  readonly worker: string;
  /** The state directory. */
  readonly state: string;
  /** Variables of the Worker for identity tokens, when those are good for the API. */
  readonly oidc?: Readonly<Record<string, string>> | undefined;
}

/** Names of the files in the directory that wrangler runs in. */
export const WORKER_FILES = { config: "wrangler.toml", module: "index.js", secrets: "secrets.json" } as const;

/** The words after `wrangler`. The hostnames come from here alone, so that the same wrangler.toml serves everybody. */
export function wranglerWords(deployment: Deployment, dryRun: boolean): string[] {
  const { worker, api, gateway, oidc } = deployment;
  const variables = {
    API_URL: `https://${api}`,
    GATEWAY_URL: `https://${gateway}`,
    GATEWAY_HOSTNAME: gateway,
    ...oidc,
  };
  return [
    "deploy",
    WORKER_FILES.module,
    "--no-bundle",
    ...["--config", WORKER_FILES.config],
    ...["--name", worker],
    ...Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
    ...[api, gateway].flatMap((hostname) => ["--domain", hostname]),
    ...["--secrets-file", WORKER_FILES.secrets],
    ...(dryRun ? ["--dry-run"] : []),
  ];
}

/** The Worker's secrets: wrangler.toml requires exactly these. */
export interface Secrets {
  readonly DEPLOYMENT_CA: string;
  readonly DEPLOYMENT_CA_KEY: string;
  readonly ADMIN_KEY_HASH: string;
}

/** What each step of a deployment does, in order. */
export function steps(deployment: Deployment): string[] {
  const { worker, state, api, gateway } = deployment;
  return [
    `check that wrangler runs, and that the zones of ${api} and ${gateway} are active and yours`,
    `check that nothing else answers at ${api} and ${gateway}`,
    `make the deployment CA and the first admin key in ${state}, or take those that are there`,
    `upload Worker "${worker}" with the secrets DEPLOYMENT_CA, DEPLOYMENT_CA_KEY and ADMIN_KEY_HASH`,
    `have it answer at the custom domains ${api} and ${gateway}`,
    `switch client certificates on for ${gateway}`,
  ];
}

/** The list of hostnames with client certificates when `gateway` is to be on it; null when it is already. */
export function withHostname(hostnames: readonly string[], gateway: string): string[] | null {
  return hostnames.some((each) => each.toLowerCase() === gateway) ? null : [...hostnames, gateway];
}

/** Actions of a rule that keep a connector out. */
const BLOCKING = new Set(["block", "challenge", "js_challenge", "managed_challenge"]);

/** The rules that may refuse connectors for their certificates, which Cloudflare cannot verify and need not. */
export function suspects(rules: readonly Rule[]): string[] {
  return rules
    .filter(({ enabled, action, expression }) => {
      return enabled && BLOCKING.has(action) && expression.includes("cf.tls_client_auth");
    })
    .map(({ description, expression }) => description || expression);
}

/**
 * What remains to be done by hand, a sentence each.
 * @param rules what {@link suspects} found; null when that could not be looked at
 */
export function byHand(deployment: Deployment, rules: readonly string[] | null): string[] {
  const { api, gateway, state } = deployment;
  const blocking =
    rules === null
      ? [
          `Make sure that no firewall rule of the zone blocks ${gateway} for its client certificates (the API token may not read the rules).`,
        ]
      : rules.map((rule) => `Make sure that this firewall rule does not apply to ${gateway}: ${rule}`);
  return [
    `Wait until both hostnames have their certificates, some minutes: curl https://${api}/v1/health`,
    `Log in: fairlead login https://${api} --key-file ${state}/admin-key`,
    ...blocking,
    `Make sure that nothing challenges programs at ${api} and ${gateway}: no Access application, Bot Fight Mode or Under Attack mode.`,
    `Check in the dashboard (SSL/TLS, Client Certificates, Hosts) that ${gateway} is listed.`,
    `Keep ${state} as you keep a private key, and back it up: fairlead edge backup -o FILE --state ${state}`,
  ];
}
