/** The configuration of workerd, as a pure function of what the edge is to be. */

import { type Address, formatAddress } from "../addresses/addresses.ts";
import type { Credential } from "../credentials/certificates.ts";
import type { OidcProvider } from "./oidc-file.ts";

/** The environment variables that carry the secrets: they are in no file that workerd reads. */
export const SECRET_VARIABLES = ["DEPLOYMENT_CA_KEY", "ADMIN_KEY_HASH"] as const;

/** The Durable Object classes and how the Worker's environment names them; see workers/config.ts. */
const OBJECTS = [
  { binding: "REGISTRY", className: "Registry" },
  { binding: "ROUTER", className: "Router" },
  { binding: "DIRECTORY", className: "Directory" },
] as const;

/** The Worker's entrypoint for uplinks and lanes. Only the gateway's and the lanes' sockets lead to it. */
const GATEWAY_ENTRYPOINT = "Gateway";

/** Request header in which the front says what `request.cf` is, JSON. The front takes it away from what clients send. */
export const PLATFORM_HEADER = "fairlead-cf";
/** Request header in which the front says that the client came by https. */
export const PROTOCOL_HEADER = "x-forwarded-proto";

export interface EdgeConfig {
  /** Absolute path of the Worker's one module. */
  readonly module: string;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  /** Absolute path of the directory of the objects' databases. */
  readonly objects: string;
  /** Absolute paths of the Unix sockets for what the front forwards. */
  readonly sockets: { readonly api: string; readonly gateway: string };
  /** Where workerd itself takes lanes; null where they come through the front like everything else. */
  readonly lanes: Address | null;
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  /** PEM. */
  readonly deploymentCa: string;
  readonly server: Credential;
  /** Whose identity tokens are good for the API, if anybody's. */
  readonly oidc?: OidcProvider | undefined;
}

/**
 * workerd's configuration, as Cap'n Proto text. It holds the server's private key: keep the file to its
 * owner. Run workerd with `-I /`, since the module is named by its absolute path.
 */
export function workerdConfig(edge: EdgeConfig): string {
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = (
      modules = [(name = "index.js", esModule = embed ${quote(edge.module)})],
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
    (name = "internet", network = ${outbound(edge.oidc)})
  ],
  sockets = [
    ${sockets(edge).join(",\n    ")}
  ]
);
`;
}

/**
 * The front's two sockets, and that of the lanes. What the front says of a client certificate counts on the gateway's
 * socket alone, and that certificates are enforced is said of the lanes socket alone, both by the entrypoint's
 * properties: a variable would also reach the API socket.
 */
function sockets(edge: EdgeConfig): string[] {
  const http = `(cfBlobHeader = ${quote(PLATFORM_HEADER)}, forwardedProtoHeader = ${quote(PROTOCOL_HEADER)})`;
  const front = (name: "api" | "gateway", service: string) =>
    `(name = "${name}", address = ${quote(`unix:${edge.sockets[name]}`)}, http = ${http}, service = ${service})`;
  const gateway = (props: object) =>
    `(name = "edge", entrypoint = ${quote(GATEWAY_ENTRYPOINT)}, props = (json = ${quote(JSON.stringify(props))}))`;
  const all = [front("api", '"edge"'), front("gateway", gateway({ reportsClientCertificates: true }))];
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
 * Where the Worker's own `fetch` may lead: nowhere, unless a provider of identity tokens is configured. Then to
 * networks, since nothing here knows which address its names have; to this machine itself only where the
 * operator's file names it. Private addresses are not kept from it: a company's provider has one, the Worker
 * fetches nothing but what that file names and what the provider's own document names by https, follows no
 * redirect, and shows nobody what came.
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
    ...edge.oidc?.variables,
  };
  return [
    ...OBJECTS.map(
      ({ binding, className }) =>
        `(name = ${quote(binding)}, durableObjectNamespace = (className = ${quote(className)}))`,
    ),
    ...Object.entries(texts).map(([name, text]) => `(name = ${quote(name)}, text = ${quote(text)})`),
    ...SECRET_VARIABLES.map((name) => `(name = ${quote(name)}, fromEnvironment = ${quote(name)})`),
  ];
}

/** The unique key names the objects' directory and makes their ids: it must never change. */
function namespace({ className }: { readonly className: string }): string {
  return `(className = ${quote(className)}, uniqueKey = ${quote(`fairlead-${className}`)}, enableSql = true)`;
}

/** A Cap'n Proto text literal. Everything that is not plain ASCII goes as its UTF-8 bytes. */
export function quote(text: string): string {
  let literal = '"';
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    if (character === '"' || character === "\\") literal += `\\${character}`;
    else if (byte === 0x0a) literal += "\\n";
    else if (byte < 0x20 || byte > 0x7e) literal += `\\x${byte.toString(16).padStart(2, "0")}`;
    else literal += character;
  }
  return `${literal}"`;
}
