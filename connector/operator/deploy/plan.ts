/** The plan of a deployment, which a dry run shows. Pure. */
import type { ConsoleMode } from "../../../protocol/api/console.ts";
import type { Rule } from "./cloudflare.ts";
import type { Hostnames } from "./hostnames.ts";

/** What is deployed, and from where. */
export interface Deployment extends Hostnames {
  /** Name of the Worker. */
  readonly worker: string;
  /** The state directory. */
  readonly state: string;
  /** Hostnames of the public door, and patterns of them. None unless given. */
  readonly doors?: readonly string[] | undefined;
  /** How people sign in at the console; it is not served unless given. */
  readonly console?: DeployedConsole | undefined;
  /** Variables of the Worker for identity tokens, when a provider is configured. */
  readonly oidc?: Readonly<Record<string, string>> | undefined;
}

/** The console of a deployment. Without a sign-in it is served on loopback alone, which a deployment does not have. */
export type DeployedConsole = Exclude<ConsoleMode, "unsecured">;

/** Names of the files in wrangler's working directory. */
export const WORKER_FILES = {
  config: "wrangler.toml",
  module: "index.js",
  secrets: "secrets.json",
  /** The folder of static assets. */
  assets: "dist/console",
} as const;

/**
 * The arguments of wrangler. They contain the hostnames, so that wrangler.toml is the same for every
 * deployment.
 */
export function wranglerWords(deployment: Deployment, dryRun: boolean): string[] {
  const { worker, api, gateway, oidc, console } = deployment;
  const variables = {
    API_URL: `https://${api}`,
    GATEWAY_URL: `https://${gateway}`,
    GATEWAY_HOSTNAME: gateway,
    ...(console === undefined ? {} : { CONSOLE_MODE: console }),
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

const isPattern = (hostname: string): boolean => hostname.startsWith("*.");

/** The name whose zone has a hostname, or the hostnames of a pattern. */
export const nameOf = (hostname: string): string => (isPattern(hostname) ? hostname.slice(2) : hostname);

/**
 * The routes of the door's hostnames, as text to append to wrangler.toml: a custom domain for each hostname, and for a
 * pattern a route of its zone, since custom domains have no wildcards.
 * @param zoneOf the name of a hostname's zone
 */
export function doorRoutes({ doors = [] }: Deployment, zoneOf: (hostname: string) => string): string {
  return doors
    .map((hostname) => {
      // A string of JSON is one of TOML.
      const [pattern, zone] = [`${hostname}/*`, zoneOf(hostname)].map((text) => JSON.stringify(text));
      return isPattern(hostname)
        ? `\n[[routes]]\npattern = ${pattern}\nzone_name = ${zone}\n`
        : `\n[[routes]]\npattern = ${JSON.stringify(hostname)}\ncustom_domain = true\n`;
    })
    .join("");
}

/** The Worker's secrets, which wrangler.toml requires. */
export interface Secrets {
  readonly DEPLOYMENT_CA: string;
  readonly DEPLOYMENT_CA_KEY: string;
  readonly ADMIN_KEY_HASH: string;
}

/** The steps of a deployment in order, a sentence each. */
export function steps(deployment: Deployment): string[] {
  const { worker, state, api, gateway, doors = [], console = "none" } = deployment;
  const domains = doors.filter((hostname) => !isPattern(hostname));
  const routes = doors.filter(isPattern).map((pattern) => `${pattern}/*`);
  return [
    `Check that wrangler runs, and that the zones of ${listed([api, gateway, ...doors])} are active and yours.`,
    `Check that nothing else is served at ${listed([api, gateway, ...domains])}.`,
    `Create the deployment CA and the first admin key in ${state}, unless they exist.`,
    `Upload Worker "${worker}" with the secrets DEPLOYMENT_CA, DEPLOYMENT_CA_KEY and ADMIN_KEY_HASH.`,
    `Serve it at the custom domains ${listed([api, gateway, ...domains])}.`,
    ...(routes.length === 0 ? [] : [`Serve it at the routes ${listed(routes)}.`]),
    `Switch client certificates on for ${gateway}.`,
    ...(console === "none" ? [] : [`Serve the console at https://${api}/console/ (${console}).`]),
  ];
}

/** "a, b and c" */
function listed(names: readonly string[]): string {
  return [names.slice(0, -1).join(", "), ...names.slice(-1)].filter((part) => part !== "").join(" and ");
}

/** Adds the gateway to the hostnames with client certificates; null when it is one of them. */
export function withHostname(hostnames: readonly string[], gateway: string): string[] | null {
  return hostnames.some((each) => each.toLowerCase() === gateway) ? null : [...hostnames, gateway];
}

/** Actions of a rule that refuse a connector. */
const BLOCKING = new Set(["block", "challenge", "js_challenge", "managed_challenge"]);

/** The rules that may refuse connectors because Cloudflare cannot verify their certificates. */
export function suspects(rules: readonly Rule[]): string[] {
  return rules
    .filter(({ enabled, action, expression }) => {
      return enabled && BLOCKING.has(action) && expression.includes("cf.tls_client_auth");
    })
    .map(({ description, expression }) => description || expression);
}

/**
 * The steps that remain for the operator, a sentence each.
 * @param rules what {@link suspects} found; null when the rules could not be read
 */
export function byHand(deployment: Deployment, rules: readonly string[] | null): string[] {
  const { api, gateway, state, doors = [], console = "none" } = deployment;
  const blocking =
    rules === null
      ? [
          `Make sure that no firewall rule of the zone blocks ${gateway} for its client certificates (the API token may not read the rules).`,
        ]
      : rules.map((rule) => `Make sure that this firewall rule does not apply to ${gateway}: ${rule}`);
  return [
    `Wait some minutes, until both hostnames have their certificates: curl https://${api}/v1/health`,
    `Log in: fairlead login https://${api} --key-file ${state}/admin-key`,
    ...blocking,
    ...(console === "none" ? [] : ["Open the console, signed in: fairlead console"]),
    ...(console === "oidc"
      ? [`Register the redirect URI of the console at the identity provider: https://${api}/console/callback`]
      : []),
    `Make sure that nothing challenges programs at ${api} and ${gateway}: no Access application, Bot Fight Mode or Under Attack mode.`,
    `Check in the dashboard (SSL/TLS, Client Certificates, Hosts) that ${gateway} is listed.`,
    ...doors.map((hostname) => `Grant ${hostname} to a network: fairlead hostname add '${hostname}'`),
    ...doors
      .filter(isPattern)
      .flatMap((pattern) => [
        `Give ${pattern} a proxied DNS record, such as AAAA 100::, and make sure that a certificate covers it.`,
        `Make sure that nothing else is served directly below ${nameOf(pattern)}: the route leads every proxied hostname there to the edge.`,
      ]),
    `Keep ${state} secret like a private key, and back it up: fairlead edge backup -o FILE --state ${state}`,
  ];
}
