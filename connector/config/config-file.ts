/**
 * The file of `connector run --config`: the command's options under their own names, as YAML.
 * {@link ConfigFile} decides its form; `docs/connector-config.schema.json` is made from it.
 */
import { readFile } from "node:fs/promises";
import type { Document, LineCounter } from "yaml";
import * as z from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import { SiteName } from "../../protocol/names.ts";
import { MAX_LANES } from "../../protocol/uplink/messages.ts";
import { unreadable } from "../files/file-errors.ts";
import { LOG_LEVELS_PATTERN, parseConnectorLogLevels } from "../log-levels.ts";
import { parseBalance } from "./balance-option.ts";
import type { ConfigSource } from "./connector-config.ts";
import { parseDnsAccept, parseDnsAddress, parseDnsDomain, parseDnsZone } from "./dns-options.ts";
import { DURATION_PATTERN, parseDuration } from "./duration.ts";
import { parsed } from "./file-field.ts";
import { parseHealth } from "./health-options.ts";
import { parseHop } from "./hop-policy.ts";
import { parseIngress } from "./ingress.ts";
import { KubernetesFields } from "./kubernetes-fields.ts";
import { parseListenTls } from "./listener-tls-options.ts";
import { parseMetricsAddress } from "./metrics-address.ts";
import { LOG_TOPICS, parseDrain, parseKeepAlive, parseMemory, parseTelemetry } from "./option-values.ts";
import { parseRetry } from "./retry-policy.ts";
import { parseObserve } from "./service-observation.ts";
import { parseBind, parseExpose, parseListen, parseTo } from "./service-options.ts";
import {
  PROXY_PROTOCOL_FORM,
  parseProxyProtocol,
  parseTargetTls,
  TARGET_TLS_FORM,
} from "./target-options.ts";
import { parseTrustedProxies } from "./trusted-proxies.ts";

const LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const HOST_PORT = "((\\[[^\\]]+\\]|[^:\\[\\]\\s/,=]+):)?[0-9]{1,5}";
const TARGET = `${HOST_PORT}(/(tcp|http|http2|grpc|udp))?`;
const OFF_PATTERN = `^off$|${DURATION_PATTERN}`;

const list = <T extends z.ZodType>(entry: T, description: string) =>
  z.array(entry).optional().meta({ description });

export const ConfigFile = z
  .strictObject({
    site: SiteName.optional().meta({
      description:
        "Name of the site. Not needed with `state` once the site has joined, or with a token of `fairlead site create`. Takes effect at the next start.",
    }),
    state: z.string().min(1).optional().meta({
      description:
        "State directory. Without it, FAIRLEAD_STATE, or `fairlead/sites/NAME` in XDG_STATE_HOME or ~/.local/state. Takes effect at the next start.",
    }),
    token: list(
      z
        .string()
        .min(1)
        .meta({ description: "Path of a token file; - is standard input.", examples: ["token.yaml"] }),
      "Token files to join or link with, in this order. A token that was redeemed before is skipped. A token that is added while the connector runs is redeemed at once.",
    ),
    expose: list(
      parsed(parseExpose, {
        description:
          "A service and its target, as NAME[:PORT]=[HOST:]PORT[/PROTOCOL]. The host is 127.0.0.1 and the protocol tcp unless given; grpc is http2 whose health is asked over gRPC. Without PORT after the name, the service has the port that it has in the network, and else the target's. After a comma follows another target of the port, as [HOST:]PORT, or another port of the service, as PORT=[HOST:]PORT[/PROTOCOL].",
        pattern: `^${LABEL}(:[0-9]{1,5})?=${TARGET}(,([0-9]{1,5}=)?${TARGET})*$`,
        examples: [
          "api=127.0.0.1:9000/http",
          "db=5432",
          "web:8080=127.0.0.1:80",
          "shop:8080=127.0.0.1:80/http,9090=127.0.0.1:9100",
          "api=10.0.0.1:80,10.0.0.2:80/http",
        ],
      }),
      "Servers of this site that are offered as services.",
    ),
    to: list(
      parsed(parseTo, {
        description:
          "A service of `expose` or a domain of `dns-zone`, and the names or ids of the only sites that may use it.",
        pattern: `^${LABEL}([.]${LABEL})*[.]?=${LABEL}(\\s*,\\s*${LABEL})*$`,
        examples: ["db=east,west", "corp.internal=west"],
      }),
      "Scopes of services and of DNS zones. A service or a zone without an entry is for every site.",
    ),
    balance: list(
      parsed(parseBalance, {
        description:
          "A service of `expose`, and how clients choose between the sites that offer it, as NAME=cost, NAME=priority:RANK or NAME=weighted:WEIGHT. The lowest rank is used first, 0 unless given; a weight is 100 unless given.",
        pattern: `^${LABEL}=(cost|priority(:[0-9]{1,5})?|weighted(:[0-9]{1,4})?)$`,
        examples: ["db=priority:1", "web=weighted:50"],
      }),
      "Balances of services. Of the sites that offer a service, the one that has offered it longest decides, unless an operator does.",
    ),
    ingress: list(
      parsed(parseIngress, {
        description:
          "A service of `expose`, the hostname of the edge by which it is published, and who may send requests: holders of a key for the hostname (key, unless given), identities of the edge's provider (oidc), or everybody (open).",
        pattern: `^${LABEL}=[A-Za-z0-9.-]+(,access=(key|oidc|open))?$`,
        examples: ["web=shop.example.com", "docs=docs.example.com,access=open"],
      }),
      "Services that are published by hostnames of the edge. An admin grants the hostnames to the network.",
    ),
    listen: list(
      parsed(parseListen, {
        description:
          "A service of other sites, and the local address of its listener. PORT after the name is the port of the service that the listener is for, the first unless given.",
        pattern: `^${LABEL}(:[0-9]{1,5})?=${HOST_PORT}$`,
        examples: ["api=8080", "api=127.5.0.1:8080", "shop:9090=19090"],
      }),
      "Addresses of listeners. Without an entry, a listener is at the address of `bind` and the port of the service. A host for the first port of a service is that of its other ports too.",
    ),
    bind: parsed(parseBind, {
      description:
        "Address of all listeners, or a range that gives each service an address of its own. 127.0.0.1 unless given.",
      examples: ["127.0.0.2", "127.2.0.0/16"],
    }).optional(),
    hop: list(
      parsed(parseHop, { description: "Name of a service.", pattern: `^${LABEL}$`, examples: ["video"] }),
      "Services that this site offers with hop encryption: it costs both connectors less, and the edge can read the traffic.",
    ),
    "allow-hop": list(
      parsed(parseHop, {
        description: "Name of a service, or all.",
        pattern: `^${LABEL}$`,
        examples: ["video", "all"],
      }),
      "Services that this site uses with hop encryption where they are offered so: the edge can read the traffic.",
    ),
    retry: list(
      parsed(parseRetry, {
        description:
          "A service, and the methods PUT and DELETE where a second execution of them does no harm there, or off.",
        pattern: `^${LABEL}=(off|[A-Za-z]+(\\s*,\\s*[A-Za-z]+)*)$`,
        examples: ["orders=PUT,DELETE", "reports=off"],
      }),
      "Requests to services of other sites that may be sent again, once, when it is unknown whether the target had them. GET, HEAD and OPTIONS without any entry.",
    ),
    "trust-proxies": list(
      parsed(parseTrustedProxies, {
        description:
          "Addresses and ranges of proxies before the listeners of a service, or of all services without a name.",
        pattern: `^(${LABEL}=)?[0-9A-Fa-f.:/]+(,[0-9A-Fa-f.:/]+)*$`,
        examples: ["10.0.0.0/8", "api=10.1.0.5,fd00::/8"],
      }),
      "Proxies before the HTTP listeners of this site that are believed what they say of their clients in Forwarded and X-Forwarded- fields. None unless given.",
    ),
    dns: list(
      parsed(parseDnsAddress, {
        description: "An IP address of this machine, and a port, which is 53 unless given.",
        pattern: "^(\\[[^\\]]+\\](:[0-9]{1,5})?|[0-9.]+(:[0-9]{1,5})?|[0-9A-Fa-f:.]+)$",
        examples: ["127.0.0.2", "127.0.0.1:5300", "[::1]:53"],
      }),
      "Addresses at which this connector answers DNS for the network's services. None unless given.",
    ),
    "dns-domain": parsed(parseDnsDomain, {
      description:
        "Domain of the network's services in DNS, which is NETWORK.internal unless given: the service api of the network shop is api.shop.internal.",
      examples: ["shop.corp.example.com"],
    }).optional(),
    health: list(
      parsed(parseHealth, {
        description:
          "A service, and how its targets are checked, as NAME[:PORT]=CHECK[,SETTING=VALUE…]. CHECK is tcp, http:PATH, grpc, grpc:SERVICE or off. Settings are interval (5s unless given), timeout (2s), fall (3 failures), rise (2 successes), and for http status (200-399) and host (the target's address).",
        pattern: `^${LABEL}(:[0-9]{1,5})?=(tcp|http(:[^,]*)?|grpc(:[^,]*)?|off)(,[a-z]+=[^,]+)*$`,
        examples: ["api=http:/healthz", "cart=grpc", "db=tcp,interval=10s", "batch=off"],
      }),
      "Health checks of services that this site offers. A service without an entry is checked only after a connection failed, and one with /grpc by gRPC if its server offers that.",
    ),
    "dns-zone": list(
      parsed(parseDnsZone, {
        description: "A domain, and the DNS servers of this site that answer for it.",
        examples: ["corp.internal=10.0.0.2", "corp.internal=10.0.0.2,10.0.0.3:5300"],
      }),
      "DNS zones of this site that other sites may resolve. None unless given.",
    ),
    "dns-accept": list(
      parsed(parseDnsAccept, {
        description:
          "A domain, and the names or ids of the only sites that may answer for it: any unless given.",
        examples: ["corp.internal", "corp.internal=east,west"],
      }),
      "DNS zones of other sites that this site resolves. None unless given.",
    ),
    lanes: z.number().int().min(1).max(MAX_LANES).optional().meta({
      description: "Lanes of each session, 1 unless given. Takes effect at the next start.",
    }),
    "session-timeout": parsed(parseDuration, {
      description:
        "How long connections wait for a way to the other site before they are reset, 60s unless given. Takes effect at the next start.",
      pattern: DURATION_PATTERN,
      examples: ["60s"],
    }).optional(),
    drain: parsed(parseDrain, {
      description:
        "How long connections may continue after SIGTERM before they are reset, 30s unless given. 0s resets them at once.",
      pattern: DURATION_PATTERN,
      examples: ["30s"],
    }).optional(),
    keepalive: parsed(parseKeepAlive, {
      description:
        "How long a connection to a client or target is idle before the kernel probes it, 15s unless given; off sends no probes. Takes effect at the next start.",
      pattern: OFF_PATTERN,
      examples: ["15s", "off"],
    }).optional(),
    memory: parsed(parseMemory, {
      description:
        "How much memory other sites may make this connector hold. Unless given, a quarter of what the machine or container has, 4G at most. Takes effect at the next start.",
      pattern: "^[0-9]{1,6}[MG]$",
      examples: ["512M", "2G"],
    }).optional(),
    "log-level": parsed(parseConnectorLogLevels, {
      description:
        "The least level of the lines that are logged, info unless given. Levels of single parts may follow.",
      pattern: LOG_LEVELS_PATTERN,
      examples: ["info", "info,session=debug"],
    }).optional(),
    metrics: parsed(parseMetricsAddress, {
      description:
        "Where `/metrics` for Prometheus, `/healthz` and `/readyz` are served over HTTP, as ADDRESS:PORT or *:PORT; off unless given. Whoever reaches the address may read.",
      pattern: "^(off|(\\[[^\\]]+\\]|[0-9.]+|\\*):[0-9]{1,5})$",
      examples: ["127.0.0.1:9464", "*:9464", "off"],
    }).optional(),
    log: list(
      z
        .enum(LOG_TOPICS)
        .meta({ description: "With requests, one line for each HTTP request and gRPC call." }),
      "What is logged beside the connector's own events.",
    ),
    "listen-tls": list(
      parsed(parseListenTls, {
        description:
          "A service of other sites, and the certificate of its listener: network for one that the network's CA issues, or CERT.pem,KEY.pem for files, which are read again when they change.",
        pattern: `^${LABEL}=(network|[^,]+,[^,]+)$`,
        examples: ["api=network", "api=/etc/tls/api.pem,/etc/tls/api-key.pem"],
      }),
      "Listeners that offer TLS to their clients. Others take the bytes as they are.",
    ),
    "target-tls": list(
      parsed(parseTargetTls, {
        description: `A service whose targets speak TLS, as ${TARGET_TLS_FORM}. \`on\` takes certificates that the system trusts; \`insecure\` takes any.`,
        pattern: `^${LABEL}(:[0-9]{1,5})?=.+$`,
        examples: [
          "api=on",
          "api=ca=/etc/ca.pem,name=api.internal",
          "api=cert=/etc/site.pem,key=/etc/site.key",
        ],
      }),
      "Services of `expose` whose targets speak TLS. Their files are read again when they change.",
    ),
    "proxy-protocol": list(
      parsed(parseProxyProtocol, {
        description: `A service whose targets expect a PROXY header, as ${PROXY_PROTOCOL_FORM}.`,
        pattern: `^${LABEL}(:[0-9]{1,5})?=v[12]$`,
        examples: ["api=v2"],
      }),
      "Services of `expose` whose targets expect a PROXY header before each connection.",
    ),
    telemetry: parsed(parseTelemetry, {
      description:
        "Whether the connector counts its traffic and reports it to the edge, on unless given. What is reported has no content of the traffic.",
      pattern: "^(on|off)$",
      examples: ["off"],
    }).optional(),
    observe: list(
      parsed(parseObserve, {
        description: "A service of other sites, and whether HTTP requests are observed in its connections.",
        pattern: `^${LABEL}=(on|off)$`,
        examples: ["api=off"],
      }),
      "Whether the connections of clients to a service are observed for HTTP requests and gRPC calls. A service without an entry is observed if requests are logged.",
    ),
    kubernetes: KubernetesFields.optional(),
  })
  .meta({
    title: "Configuration of a Fairlead connector",
    description:
      "The file of `fairlead connector run --config FILE`. Options on the command line come before it.",
  });

/**
 * Parses the text of a configuration file.
 * @param source names the file in errors.
 * @throws FairleadError `request.invalid`, with the line and column of the first mistake.
 */
export async function parseConfigFile(text: string, source: string): Promise<ConfigSource> {
  const { LineCounter, parseDocument } = await import("./yaml-document.ts");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [mistake] = document.errors;
  if (mistake !== undefined) throw invalid(source, lines.linePos(mistake.pos[0]), sentence(mistake.message));
  const read = ConfigFile.safeParse(contentOf(document, source));
  if (!read.success) throw schemaError(read.error, document, lines, source);
  const {
    token,
    "allow-hop": allowHop,
    "listen-tls": listenTls,
    "dns-domain": dnsDomain,
    "dns-zone": dnsZones,
    "dns-accept": dnsAccept,
    "target-tls": targetTls,
    "proxy-protocol": proxyProtocol,
    "trust-proxies": trustProxies,
    "session-timeout": sessionTimeout,
    "log-level": logLevel,
    ...rest
  } = read.data;
  return {
    ...rest,
    ...{ listenTls, targetTls, proxyProtocol, trustProxies, dnsDomain, dnsZones, dnsAccept },
    tokens: token,
    allowHop,
    sessionTimeout,
    logLevel,
  };
}

/** @throws FairleadError `request.invalid` when aliases make the value too large. */
function contentOf(document: Document, source: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (thrown) {
    throw invalid(source, null, sentence(thrown instanceof Error ? thrown.message : String(thrown)));
  }
}

/** Reads the text of a configuration file. @throws FairleadError `file.unreadable`. */
export async function readConfigFile(path: string): Promise<string> {
  return await readFile(path, "utf8").catch((cause: unknown) => {
    throw unreadable(cause, {
      what: "The configuration file",
      path,
      source: "docs/operations.md shows a configuration file.",
    });
  });
}

interface Place {
  readonly line: number;
  readonly col: number;
}

/** The first issue, at the place of the value or key that it is about. */
function schemaError(
  error: z.ZodError,
  document: Document,
  lines: LineCounter,
  source: string,
): FairleadError {
  const [issue] = error.issues;
  if (issue === undefined) return invalid(source, null, sentence(error.message));
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    return invalid(source, placeOfKey(document, lines, key), `${key}: there is no such field.`);
  }
  const field = issue.path.join(".") || "the whole";
  return invalid(source, placeOf(document, lines, issue.path), `${field}: ${sentence(issue.message)}`);
}

/** Where the node of a path begins; that of the nearest node around it when there is none. */
function placeOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): Place | null {
  for (let length = path.length; length > 0; length--) {
    const place = placeOfNode(document.getIn(path.slice(0, length), true), lines);
    if (place !== null) return place;
  }
  return placeOfNode(document.contents, lines);
}

/** Where a field of the file begins. */
function placeOfKey({ contents }: Document, lines: LineCounter, key: string): Place | null {
  const pairs = contents !== null && "items" in contents ? contents.items : [];
  for (const pair of pairs) {
    const name: unknown = typeof pair === "object" && pair !== null && "key" in pair ? pair.key : null;
    if (String(name) === key) return placeOfNode(name, lines);
  }
  return null;
}

function placeOfNode(node: unknown, lines: LineCounter): Place | null {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : null;
  return Array.isArray(range) && typeof range[0] === "number" ? lines.linePos(range[0]) : null;
}

function invalid(source: string, place: Place | null, message: string): FairleadError {
  const at = place === null ? source : `${source}:${place.line}:${place.col}`;
  const action = "Correct the file at this place; docs/operations.md describes its fields.";
  return new FairleadError("request.invalid", `${at}: ${message}`, { action });
}

const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);
