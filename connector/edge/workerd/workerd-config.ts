/** The configuration of workerd. Pure. */
import type { ConsoleMode } from "../../../protocol/api/console.ts";
import type { FormerAddress } from "../../../protocol/front/former-address.ts";
import { type Address, formatAddress } from "../addresses/addresses.ts";
import type { Credential } from "../credentials/certificates.ts";
import type { OidcProvider } from "./oidc-file.ts";

/** Environment variables with the secrets, which are in no file that workerd reads. */
export const SECRET_VARIABLES = ["DEPLOYMENT_CA_KEY", "ADMIN_KEY_HASH"] as const;

/** The classes of Durable Objects, and the names of their bindings (workers/config.ts). */
const OBJECTS = [
  { binding: "REGISTRY", className: "Registry" },
  { binding: "ROUTER", className: "Router" },
  { binding: "DIRECTORY", className: "Directory" },
  { binding: "DOOR", className: "Door" },
  { binding: "DOOR_SOCKET", className: "DoorSocket" },
  { binding: "CONSOLE", className: "Console" },
  { binding: "TELEMETRY", className: "Telemetry" },
] as const;

/** The Worker's entrypoint of the gateway. Only the gateway's and the lanes' sockets lead to it. */
const GATEWAY_ENTRYPOINT = "Gateway";

/** The Worker's entrypoint of the public door. */
const DOOR_ENTRYPOINT = "PublicDoor";

/** The Worker's entrypoint of the console's listener on loopback. Only its socket leads to it. */
const CONSOLE_ENTRYPOINT = "LoopbackConsole";

/** Request header with `request.cf` as JSON. The front sets it, and removes it from requests of clients. */
export const PLATFORM_HEADER = "fairlead-cf";
/** Request header with the client's protocol, which the front sets to https. */
export const PROTOCOL_HEADER = "x-forwarded-proto";

/** Absolute paths of the Unix sockets between the front and workerd. */
export interface FrontSockets {
  readonly api: string;
  readonly gateway: string;
  /** Set where the edge has a public door. */
  readonly door?: string | undefined;
  /** Set where the console has a listener on loopback. */
  readonly console?: string | undefined;
}

export interface EdgeConfig {
  /** The text of the Worker's module. */
  readonly code: string;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  /** Absolute path of the directory with the databases of the objects. */
  readonly objects: string;
  /** Absolute paths of the Unix sockets that the front forwards to. */
  readonly sockets: FrontSockets;
  /** Where workerd itself accepts lanes; null when they go through the front. */
  readonly lanes: Address | null;
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  /** Former addresses that the Worker still accepts. */
  readonly former?: readonly FormerAddress[] | undefined;
  /** PEM. */
  readonly deploymentCa: string;
  readonly server: Credential;
  /** The provider of identity tokens, if one is configured. */
  readonly oidc?: OidcProvider | undefined;
  readonly console?: ConsoleConfig | undefined;
}

/** The console of an edge on a machine. */
export interface ConsoleConfig {
  readonly mode: ConsoleMode;
  /** Where its listener on loopback is; null without one. */
  readonly local: Address | null;
  /** Absolute path of the folder with the built application; null where it was not built. */
  readonly assets: string | null;
}

/**
 * Formats workerd's configuration as Cap'n Proto text. It contains the server's private key, so only its
 * owner may read the file. It contains the Worker, so that a restart of workerd runs the same Worker after the package
 * was upgraded in place.
 */
export function workerdConfig(edge: EdgeConfig): string {
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = (
      modules = [(name = "index.js", esModule = ${quote(edge.code)})],
      compatibilityDate = ${quote(edge.compatibilityDate)},
      compatibilityFlags = [${edge.compatibilityFlags.map(quote).join(", ")}],
      bindings = [
        ${bindings(edge).join(",\n        ")}
      ],
      durableObjectNamespaces = [
        ${OBJECTS.map(namespace).join(",\n        ")}
      ],
      durableObjectStorage = (localDisk = "objects")
    )),
    (name = "objects", disk = (path = ${quote(edge.objects)}, writable = true)),
    ${edge.console?.assets ? `(name = "console", disk = (path = ${quote(edge.console.assets)})),\n    ` : ""}(name = "internet", network = ${outbound(edge.oidc)})
  ],
  sockets = [
    ${sockets(edge).join(",\n    ")}
  ]
);
`;
}

/**
 * The sockets: two for the front, and one for lanes. The properties of the entrypoint say, for the gateway's
 * socket alone, that the front reports certificates, and for the lanes' socket alone, that workerd enforces
 * them. A variable would reach the API's socket as well.
 */
function sockets(edge: EdgeConfig): string[] {
  const http = `(cfBlobHeader = ${quote(PLATFORM_HEADER)}, forwardedProtoHeader = ${quote(PROTOCOL_HEADER)})`;
  const front = (name: keyof FrontSockets, path: string, service: string) =>
    `(name = "${name}", address = ${quote(`unix:${path}`)}, http = ${http}, service = ${service})`;
  const gateway = (props: object) =>
    `(name = "edge", entrypoint = ${quote(GATEWAY_ENTRYPOINT)}, props = (json = ${quote(JSON.stringify(props))}))`;
  const { api, gateway: gatewayPath, door, console } = edge.sockets;
  const doorService = `(name = "edge", entrypoint = ${quote(DOOR_ENTRYPOINT)})`;
  const consoleService = `(name = "edge", entrypoint = ${quote(CONSOLE_ENTRYPOINT)})`;
  const all = [
    front("api", api, '"edge"'),
    front("gateway", gatewayPath, gateway({ reportsClientCertificates: true })),
    ...(door === undefined ? [] : [front("door", door, doorService)]),
    ...(console === undefined ? [] : [front("console", console, consoleService)]),
  ];
  if (edge.lanes === null) return all;
  const keypair = `keypair = (privateKey = ${quote(edge.server.privateKey)}, certificateChain = ${quote(edge.server.certificate)})`;
  const tls = `(requireClientCerts = true, trustedCertificates = [${quote(edge.deploymentCa)}], ${keypair})`;
  const address = quote(formatAddress(edge.lanes));
  const service = gateway({ enforcesClientCertificates: true });
  return [
    ...all,
    `(name = "lanes", address = ${address}, https = (tlsOptions = ${tls}), service = ${service})`,
  ];
}

/**
 * Where the Worker's `fetch` may connect: nowhere, unless a provider of identity tokens is configured. With a
 * provider, to public and private networks, since the provider of a company may have a private address; to
 * this machine only when the operator's file names it. The Worker fetches only URLs from that file and from
 * the provider's discovery document, follows no redirect, and returns nothing of a response to clients but the URL of
 * the provider's page for sign-in.
 */
function outbound(oidc: OidcProvider | undefined): string {
  if (oidc === undefined) return "(allow = [])";
  const deny = oidc.onLoopback ? "" : '"local"';
  const trusted = oidc.authorities.map(quote).join(", ");
  const tls = `tlsOptions = (trustBrowserCas = true, trustedCertificates = [${trusted}])`;
  return `(allow = ["public", "private"], deny = [${deny}], ${tls})`;
}

function bindings(edge: EdgeConfig): string[] {
  const texts = {
    API_URL: edge.apiUrl,
    GATEWAY_URL: edge.gatewayUrl,
    DEPLOYMENT_CA: edge.deploymentCa,
    ...(edge.lanes === null ? {} : { LANES_PORT: String(edge.lanes.port) }),
    ...(edge.former?.length ? { FORMER_ADDRESSES: JSON.stringify(edge.former) } : {}),
    ...edge.oidc?.variables,
    ...(edge.console === undefined ? {} : { CONSOLE_MODE: edge.console.mode }),
    ...(edge.console?.local ? { CONSOLE_LOCAL_ORIGIN: `http://${formatAddress(edge.console.local)}` } : {}),
  };
  return [
    ...OBJECTS.map(
      ({ binding, className }) =>
        `(name = ${quote(binding)}, durableObjectNamespace = (className = ${quote(className)}))`,
    ),
    ...(edge.console?.assets ? [`(name = "ASSETS", service = "console")`] : []),
    ...Object.entries(texts).map(([name, text]) => `(name = ${quote(name)}, text = ${quote(text)})`),
    ...[...SECRET_VARIABLES, ...Object.keys(edge.oidc?.secrets ?? {})].map(
      (name) => `(name = ${quote(name)}, fromEnvironment = ${quote(name)})`,
    ),
  ];
}

/** The unique key is part of the objects' ids and of their directory's name: it must never change. */
function namespace({ className }: { readonly className: string }): string {
  return `(className = ${quote(className)}, uniqueKey = ${quote(`fairlead-${className}`)}, enableSql = true)`;
}

const encoder = new TextEncoder();

/** Formats a Cap'n Proto text literal. Bytes outside printable ASCII are escaped. */
export function quote(text: string): string {
  // The Worker has 60,000 lines: a function for each special character takes five times as long.
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replace(/[^\x20-\x7e]+/g, (special) =>
      [...encoder.encode(special)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(""),
    );
  return `"${escaped}"`;
}
