/**
 * The configuration of a deployment: the environment that it binds to the Worker (wrangler.toml; for the
 * embedded edge, connector/edge/workerd/workerd-config.ts), parsed once by a schema.
 */
import type { DurableObjectNamespace, Fetcher } from "@cloudflare/workers-types";
import * as z from "zod";
import { ConsoleMode } from "../protocol/api/console.ts";
import { DEFAULT_OIDC_CLAIM, IssuerUrl, OidcRoles, ProviderUrl } from "../protocol/api/oidc.ts";
import { FairleadError } from "../protocol/errors.ts";
import { EdgeOrigin } from "../protocol/front/edge-origin.ts";
import { FormerAddress } from "../protocol/front/former-address.ts";
import { parseWith } from "../protocol/parse.ts";

/** The parsed configuration. */
export interface Config {
  /** URL at which people and joining connectors reach the API. */
  readonly apiUrl: string;
  /** URL at which connectors dial uplinks and lanes. */
  readonly gatewayUrl: string;
  /** Addresses that the edge had before, oldest first. */
  readonly former: readonly FormerAddress[];
  /** The audiences of assertions that are accepted: the present API URL, and the former ones. */
  readonly audiences: readonly string[];
  /**
   * The hostname at which every request is an uplink or a lane; null on the embedded edge, which has a socket
   * for them.
   */
  readonly gatewayHostname: string | null;
  /**
   * Port at the gateway's host where workerd itself accepts lanes; null where lanes are dialled at the
   * gateway.
   */
  readonly lanePort: number | null;
  /** Deployment CA, PEM. */
  readonly deploymentCa: string;
  /** Private key of the deployment CA, PKCS #8 PEM. */
  readonly deploymentCaKey: string;
  /** SHA-256 of the first admin key, lower-case hex. */
  readonly adminKeyHash: string;
  /**
   * The provider whose identity tokens authenticate at the API besides keys; null when none is configured. An
   * error when its variables are wrong: API keys, uplinks and lanes work without a provider.
   */
  readonly oidc: OidcSettings | FairleadError | null;
  readonly console: ConsoleSettings;
  readonly objects: Objects;
}

/** The console of a deployment. */
export interface ConsoleSettings {
  readonly mode: ConsoleMode;
  /** Origin of the embedded edge's listener on loopback, plain HTTP; null without one. */
  readonly localOrigin: string | null;
  /** The built application; null where none is bound. */
  readonly assets: Fetcher | null;
}

/**
 * The namespaces of the Durable Objects. The room of each object opens it: `openRegistry`, `openRouter`,
 * `openDirectory`, `openConsole`, `openTelemetry`.
 */
export interface Objects {
  readonly registry: DurableObjectNamespace;
  readonly router: DurableObjectNamespace;
  readonly directory: DurableObjectNamespace;
  readonly door: DurableObjectNamespace;
  readonly doorSocket: DurableObjectNamespace;
  readonly console: DurableObjectNamespace;
  readonly telemetry: DurableObjectNamespace;
}

/** A provider of identity tokens, and the roles that its claims give. */
export interface OidcSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly claim: string;
  /** Role and networks by value of the claim; null networks means all. */
  readonly grants: ReadonlyMap<string, z.output<typeof OidcRoles>[string]>;
  /** URL of the provider's keys; null to read it from the discovery document. */
  readonly jwks: string | null;
  /** The client by which browsers sign in at doors and at the console; null where they cannot. */
  readonly client: OidcClient | null;
}

/** A client of the provider, as the provider registered it. */
export interface OidcClient {
  readonly id: string;
  /** Null for a public client. */
  readonly secret: string | null;
}

/** An empty variable counts as unset: wrangler.toml cannot unset one. */
const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value: string | undefined) => value || undefined, schema.optional());

const pem = (label: string) =>
  z
    .string()
    .regex(
      new RegExp(`-----BEGIN ${label}-----[\\s\\S]+-----END ${label}-----`),
      `must be PEM (BEGIN ${label})`,
    );

const namespace = z.custom<DurableObjectNamespace>(
  (value) => typeof value === "object" && value !== null,
  "must be bound to the class of a Durable Object",
);

const fetcher = z.custom<Fetcher>(
  (value) => typeof value === "object" && value !== null && "fetch" in value,
  "must be bound to static assets",
);

const json = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: "custom", message: "must be JSON" });
    return z.NEVER;
  }
});

const Environment = z
  .object({
    REGISTRY: namespace,
    ROUTER: namespace,
    DIRECTORY: namespace,
    DOOR: namespace,
    DOOR_SOCKET: namespace,
    CONSOLE: namespace,
    /** The built console: static assets, or on the embedded edge a folder. */
    ASSETS: fetcher.optional(),
    CONSOLE_MODE: optional(ConsoleMode),
    /** Set by the embedded edge alone. */
    CONSOLE_LOCAL_ORIGIN: optional(z.string().regex(/^http:\/\/(127\.0\.0\.1|\[::1\]):\d{1,5}$/)),
    TELEMETRY: namespace,
    API_URL: EdgeOrigin,
    GATEWAY_URL: EdgeOrigin,
    /** JSON; set by the embedded edge alone. */
    FORMER_ADDRESSES: optional(json.pipe(z.array(FormerAddress))),
    /** Set on Cloudflare alone: the hostname of GATEWAY_URL. */
    GATEWAY_HOSTNAME: optional(z.string().toLowerCase()),
    /** Set by the embedded edge alone. */
    LANES_PORT: optional(
      z
        .string()
        .regex(/^\d{1,5}$/, "must be a port")
        .transform(Number),
    ),
    DEPLOYMENT_CA: pem("CERTIFICATE"),
    /** Secret. */
    DEPLOYMENT_CA_KEY: pem("PRIVATE KEY"),
    /** Secret. */
    ADMIN_KEY_HASH: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, "must be a SHA-256 in hexadecimal")
      .toLowerCase(),
  })
  .refine(
    ({ GATEWAY_URL: url, GATEWAY_HOSTNAME: name }) => name === undefined || new URL(url).hostname === name,
    { path: ["GATEWAY_HOSTNAME"], message: "must be the hostname of GATEWAY_URL" },
  );

const OidcEnvironment = z.object({
  OIDC_ISSUER: IssuerUrl,
  OIDC_AUDIENCE: z.string().min(1),
  OIDC_CLAIM: optional(z.string()),
  OIDC_ROLES: json.pipe(OidcRoles),
  OIDC_JWKS: optional(ProviderUrl),
  OIDC_CLIENT: optional(z.string().max(500)),
  /** Secret. */
  OIDC_CLIENT_SECRET: optional(z.string().max(2000)),
});

/** The environment that a deployment binds to the Worker, before it is parsed. */
export type Env = z.input<typeof Environment> & Partial<z.input<typeof OidcEnvironment>>;

const parsed = new WeakMap<object, Config>();

/**
 * The configuration in an environment; parsed once for each environment.
 * @throws FairleadError edge.misconfigured, naming each variable or binding that is wrong
 */
export function readConfig(env: object): Config {
  const known = parsed.get(env);
  if (known !== undefined) return known;
  const variables = parseWith(Environment, env, { code: "edge.misconfigured" });
  const former = variables.FORMER_ADDRESSES ?? [];
  const config: Config = {
    apiUrl: variables.API_URL,
    gatewayUrl: variables.GATEWAY_URL,
    former,
    audiences: [...new Set([variables.API_URL, ...former.map(({ api }) => api)])],
    gatewayHostname: variables.GATEWAY_HOSTNAME ?? null,
    lanePort: variables.LANES_PORT ?? null,
    deploymentCa: variables.DEPLOYMENT_CA,
    deploymentCaKey: variables.DEPLOYMENT_CA_KEY,
    adminKeyHash: variables.ADMIN_KEY_HASH,
    oidc: readOidc(env),
    console: {
      mode: variables.CONSOLE_MODE ?? "none",
      localOrigin: variables.CONSOLE_LOCAL_ORIGIN ?? null,
      assets: variables.ASSETS ?? null,
    },
    objects: {
      registry: variables.REGISTRY,
      router: variables.ROUTER,
      directory: variables.DIRECTORY,
      door: variables.DOOR,
      doorSocket: variables.DOOR_SOCKET,
      console: variables.CONSOLE,
      telemetry: variables.TELEMETRY,
    },
  };
  parsed.set(env, config);
  return config;
}

/** The provider of identity tokens in an environment; as {@link Config.oidc}. */
export function readOidc(env: object): OidcSettings | FairleadError | null {
  if (!("OIDC_ISSUER" in env) || !env.OIDC_ISSUER) return null;
  try {
    const variables = parseWith(OidcEnvironment, env, { code: "edge.misconfigured" });
    return {
      issuer: variables.OIDC_ISSUER,
      audience: variables.OIDC_AUDIENCE,
      claim: variables.OIDC_CLAIM ?? DEFAULT_OIDC_CLAIM,
      grants: new Map(Object.entries(variables.OIDC_ROLES)),
      jwks: variables.OIDC_JWKS ?? null,
      client:
        variables.OIDC_CLIENT === undefined
          ? null
          : { id: variables.OIDC_CLIENT, secret: variables.OIDC_CLIENT_SECRET ?? null },
    };
  } catch (thrown) {
    if (thrown instanceof FairleadError) return thrown;
    throw thrown;
  }
}
