import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import { SiteName } from "../../../protocol/names.ts";
import { parseBalance } from "../../config/balance-option.ts";
import type { FollowedFile } from "../../config/config-reload.ts";
import { type ConfigSource, mergeConfig } from "../../config/connector-config.ts";
import { parseDnsAccept, parseDnsAddress, parseDnsDomain, parseDnsZone } from "../../config/dns-options.ts";
import { parseDuration } from "../../config/duration.ts";
import { parseHealth } from "../../config/health-options.ts";
import { parseHop } from "../../config/hop-policy.ts";
import { parseIngress } from "../../config/ingress.ts";
import {
  DEFAULT_KUBERNETES_NAME,
  DEFAULT_PORTS,
  formatPortRange,
  type KubernetesSource,
  type PortRange,
  parseImport,
  parseKubernetesName,
  parseNamespace,
  parsePortRange,
  parseSwitch,
  parseWatch,
} from "../../config/kubernetes-options.ts";
import { parseListenTls } from "../../config/listener-tls-options.ts";
import { parseMetricsAddress } from "../../config/metrics-address.ts";
import {
  parseDrain,
  parseKeepAlive,
  parseLanes,
  parseLogTopic,
  parseMemory,
  parseTelemetry,
} from "../../config/option-values.ts";
import { parseRetry } from "../../config/retry-policy.ts";
import { parseObserve } from "../../config/service-observation.ts";
import { parseBind, parseExpose, parseListen, parseTo } from "../../config/service-options.ts";
import { PROXY_PROTOCOL_FORM, parseProxyProtocol, parseTargetTls } from "../../config/target-options.ts";
import { parseTrustedProxies } from "../../config/trusted-proxies.ts";
import {
  CONNECTOR_LOG_PARTS,
  type LogPart,
  logLevelsHelp,
  parseConnectorLogLevels,
} from "../../log-levels.ts";
import { LogRing } from "../../log-ring.ts";
import { command, flag, value, values } from "../framework/definition.ts";
import type { Io } from "../framework/io.ts";
import { makeLog } from "../framework/log.ts";
import { accepting, someText } from "../framework/values.ts";
import { logFailingChecks } from "./startup-checks.ts";
import { usualState } from "./state.ts";

export const connectorRun = command({
  path: ["connector", "run"],
  summary: "Run the connector of a site, in the foreground.",
  details:
    "The first start joins a network with a token; later starts need the state directory alone. Each further token creates one more link. A token that was redeemed before is skipped, so every start can have the same options. A token that is refused is logged, and the connector runs without its link. A renamed site can be started under its former names. The connector follows the file of --config: it reads the file again when it changes and at SIGHUP, and applies services, scopes, listeners, tokens and what is logged without touching a connection. Logs go to standard output: readable on a terminal, JSON lines otherwise or with --json. The connector reaches the edge through the proxy of HTTPS_PROXY or ALL_PROXY, unless NO_PROXY excludes the edge.",
  options: {
    site: value(
      "--site <NAME>",
      "Name of the site. Not needed with --state after the site has joined, or with a token of `site create`.",
      accepting(SiteName),
    ),
    state: value(
      "--state <DIR>",
      "State directory. The default is FAIRLEAD_STATE, or `fairlead/sites/NAME` in XDG_STATE_HOME or ~/.local/state.",
      someText,
    ),
    tokens: values(
      "--token <FILE>",
      "Token file to join or to link with, in this order. `-` is standard input. The variable FAIRLEAD_TOKEN may have the text of one more token.",
      someText,
    ),
    config: value(
      "--config <FILE>",
      "YAML file with these options, which the connector follows while it runs. docs/operations.md describes it.",
      someText,
    ),
    expose: values(
      "--expose <NAME[:PORT]=[HOST:]PORT[/PROTOCOL][,…]>",
      "Offer a server of this site as a service. PORT after the name is the service's port in the whole network; the default is the port that the service has there, or else the target's. The default host is 127.0.0.1. The protocol is tcp, http, http2, grpc or udp; the default is tcp. After a comma follows another target as [HOST:]PORT, or another port of the service as PORT=[HOST:]PORT[/PROTOCOL].",
      parseExpose,
    ),
    to: values(
      "--to <NAME=SITE,…>",
      "Names or ids of the sites that may use a service of --expose, or a zone of --dns-zone. The default is every site.",
      parseTo,
    ),
    ingress: values(
      "--ingress <NAME=HOSTNAME[,access=key|oidc|open]>",
      "Publish a service of --expose by a hostname of the edge, for clients that run no connector. An admin grants the hostname with `fairlead hostname add`. The default access is key: a request needs a key of `fairlead key create --door`; open lets everybody in.",
      parseIngress,
    ),
    balance: values(
      "--balance <NAME=MODE>",
      "How clients choose between the sites that offer a service of --expose: cost, priority[:RANK] (the lowest rank first; the default is 0) or weighted[:WEIGHT] (the default is 100). The default is cost. An operator can set it for all sites with `fairlead service balance`.",
      parseBalance,
    ),
    listen: values(
      "--listen <NAME[:PORT]=[HOST:]PORT>",
      "Local address of a service's listener. PORT after the name is the port of the service, the first unless given; a host for the first port is that of the others too.",
      parseListen,
    ),
    bind: value(
      "--bind <ADDRESS|CIDR>",
      "Address for listeners, or a range that gives each service an address of its own. The default is 127.0.0.1.",
      parseBind,
    ),
    hop: values(
      "--hop <NAME>",
      "Offer this service with hop encryption: both connectors do less work, and the edge can read the traffic.",
      parseHop,
    ),
    allowHop: values(
      "--allow-hop <NAME|all>",
      "Use this service, or every service, with hop encryption if it is offered so: the edge can read the traffic. Other services are used with end-to-end encryption or not at all.",
      parseHop,
    ),
    retry: values(
      "--retry <NAME=METHOD,…|NAME=off>",
      "Requests to a service that may be sent again, once, when it is unknown whether the target had them: PUT and DELETE beside GET, HEAD and OPTIONS, or none with off. Other methods are sent again only when no target looked at them.",
      parseRetry,
    ),
    trustProxies: values(
      "--trust-proxies <[NAME=]CIDR,…>",
      "Believe proxies at these addresses, before the HTTP listeners of a service or of all services, what they say of their clients: their Forwarded and X-Forwarded- fields are kept and extended. From all other clients these fields are removed.",
      parseTrustedProxies,
    ),
    dns: values(
      "--dns <ADDRESS[:PORT]>",
      "Answer DNS for the network's services at this IP address of the machine; the port is 53 unless given. `fairlead dns config` prints what the machine's resolver needs.",
      parseDnsAddress,
    ),
    dnsDomain: value(
      "--dns-domain <DOMAIN>",
      "Domain of the network's services in DNS. The default is NETWORK.internal.",
      parseDnsDomain,
    ),
    health: values(
      "--health <NAME[:PORT]=CHECK>",
      "Check the targets of a service, or of one port of it, at intervals. CHECK is tcp, http:PATH, grpc, grpc:SERVICE or off, followed by settings: ,interval=5s ,timeout=2s ,fall=3 ,rise=2, and for http ,status=200-399 ,host=NAME. A service whose targets are all down is withdrawn until one is up. Without --health, a target is checked only after a connection to it failed; with off, it always counts as up.",
      parseHealth,
    ),
    dnsZones: values(
      "--dns-zone <ZONE=ADDRESS[:PORT],…>",
      "Let other sites resolve this domain at DNS servers of this site.",
      parseDnsZone,
    ),
    dnsAccept: values(
      "--dns-accept <ZONE[=SITE,…]>",
      "Resolve this domain at the sites that offer it, or at these sites only.",
      parseDnsAccept,
    ),
    lanes: value(
      "--lanes <N>",
      "Lanes of each session, 1 (the default) to 8. More lanes help if one connection to the edge limits throughput.",
      parseLanes,
    ),
    sessionTimeout: value(
      "--session-timeout <DURATION>",
      "Time that connections wait for a path to the other site before they are reset. The default is 60s.",
      parseDuration,
    ),
    drain: value(
      "--drain <DURATION>",
      "Time that open connections may continue after SIGTERM or Ctrl-C before they are reset. The default is FAIRLEAD_DRAIN, or 30s; 0s or a second signal resets them at once.",
      parseDrain,
    ),
    keepalive: value(
      "--keepalive <DURATION|off>",
      "Idle time before the kernel probes a connection to a client or target. The default is 15s.",
      parseKeepAlive,
    ),
    memory: value(
      "--memory <SIZE>",
      "Most memory that other sites can make this connector hold, such as 512M or 2G. The default is a quarter of the memory of the machine or container, at most 4G.",
      parseMemory,
    ),
    logLevel: value(
      "--log-level <LEVELS>",
      `${logLevelsHelp(CONNECTOR_LOG_PARTS)} The default is info.`,
      parseConnectorLogLevels,
    ),
    metrics: value(
      "--metrics <ADDRESS:PORT|off>",
      "Serve /metrics for Prometheus, /healthz and /readyz over HTTP at this address; * stands for every address of the machine. Whoever reaches the address may read. The default is FAIRLEAD_METRICS, which is *:9464 in the container image, or off.",
      parseMetricsAddress,
    ),
    log: values(
      "--log <WHAT>",
      "Log more: `requests` writes one line at level info for each HTTP request and gRPC call of `http`, `http2` and `tcp` services, without queries, cookies and credentials. At most 200 lines a second are written; the requests beyond are counted.",
      parseLogTopic,
    ),
    listenTls: values(
      "--listen-tls <NAME=network|CERT,KEY>",
      "Offer TLS to the clients of a service's listener. `network` uses a certificate for NAME and NAME.NETWORK.internal that the network's CA issues; `fairlead network ca` writes that CA. CERT and KEY are PEM files, which are read again when they change.",
      parseListenTls,
    ),
    targetTls: values(
      "--target-tls <NAME[:PORT]=TLS>",
      "Speak TLS with the targets of a service. TLS is `on`, or a list of ca=FILE (in place of the CAs of the system), name=HOST (in place of the target's host), and cert=FILE and key=FILE (this site's). `insecure` takes any certificate.",
      parseTargetTls,
    ),
    proxyProtocol: values(
      `--proxy-protocol <${PROXY_PROTOCOL_FORM}>`,
      "Begin each connection to the targets of a service with a PROXY header that names the client, and in version 2 its site.",
      parseProxyProtocol,
    ),
    observe: values(
      "--observe <NAME=on|off>",
      "Whether the connections of this site's clients to a service are observed for HTTP requests and gRPC calls. Bytes are only read, and other protocols are left alone. The default is on with `--log requests`, and off without.",
      parseObserve,
    ),
    telemetry: value(
      "--telemetry <on|off>",
      "Whether the connector counts its traffic and reports it to the edge, without any content of it. The default is on.",
      parseTelemetry,
    ),
    kubernetes: flag(
      "--kubernetes",
      "Work in the Kubernetes cluster that this connector is a pod of: offer its annotated objects, and make Services for those of the network. docs/kubernetes.md describes it.",
    ),
    kubeconfig: value(
      "--kubeconfig <FILE>",
      "Work in the Kubernetes cluster of this kubeconfig, from outside.",
      someText,
    ),
    kubernetesContext: value(
      "--kubernetes-context <NAME>",
      "Context of the kubeconfig. The default is its current one.",
      someText,
    ),
    kubernetesNamespace: value(
      "--kubernetes-namespace <NAMESPACE>",
      "Namespace of the connector's own objects. The default is that of the pod, or of the kubeconfig's context.",
      parseNamespace,
    ),
    kubernetesWatch: value(
      "--kubernetes-watch <NAMESPACE,…|all>",
      "Namespaces whose annotated objects and ServiceExports are offered. The default is the own namespace.",
      parseWatch,
    ),
    kubernetesImport: value(
      "--kubernetes-import <NAMESPACE,…|none>",
      "Namespaces in which the services of the network have Services. The default is the own namespace.",
      parseImport,
    ),
    kubernetesEvents: value(
      "--kubernetes-events <on|off>",
      "Whether the connector records Kubernetes Events. The default is on.",
      parseSwitch,
    ),
    kubernetesMcs: value(
      "--kubernetes-mcs <on|off>",
      "Whether ServiceExports and ServiceImports are served where their definitions are installed. The default is on.",
      parseSwitch,
    ),
    skupperAnnotations: flag(
      "--skupper-annotations",
      "Understand annotations that begin with skupper.io/ as well.",
    ),
    kubernetesName: value(
      "--kubernetes-name <NAME>",
      `First word of the names of the connector's own objects in the cluster. The default is ${DEFAULT_KUBERNETES_NAME}.`,
      parseKubernetesName,
    ),
    kubernetesPorts: value(
      "--kubernetes-ports <FROM-TO>",
      `Ports for the listeners of the network's services in the cluster. The default is ${formatPortRange(DEFAULT_PORTS)}.`,
      parsePortRange,
    ),
  },
  examples: [
    {
      command: "fairlead connector run --site west --token token.yaml",
      says: "Joins as west; the listeners for services of other sites are at 127.0.0.1.",
    },
    {
      command: "fairlead connector run --site east --token token.yaml --expose api=127.0.0.1:9000/http",
      says: "Joins as east and offers the server on port 9000 as the service api.",
    },
    {
      command: "fairlead connector run --site east --expose db=5432 --to db=west,north",
      says: "Offers db to the sites west and north alone.",
    },
    {
      command:
        "fairlead connector run --site east --expose web=80/http --ingress web=shop.example.com,access=open",
      says: "Publishes the service web to everybody at https://shop.example.com.",
    },
    {
      command: "fairlead connector run --site private1 --token public1.yaml --token public2.yaml",
      says: "Joins with the first token and links to the issuers of both.",
    },
    {
      command: "fairlead connector run --site west --bind 127.2.0.0/16 --listen db=127.0.0.1:5432",
      says: "Starts again without a token; every service gets an address of its own, and db a fixed one.",
    },
    {
      command: "fairlead connector run --site west --bind 127.2.0.0/16 --dns 127.0.0.2",
      says: "Gives every service an address, and answers for their names: api.shop.internal in the network shop.",
    },
    {
      command: "fairlead connector run --site east --dns-zone corp.internal=10.0.0.2",
      says: "Lets sites that run with --dns-accept corp.internal resolve that domain.",
    },
    {
      command: "fairlead connector run --site west --metrics 127.0.0.1:9464",
      says: "Serves metrics and health; `curl http://127.0.0.1:9464/readyz` says whether it is ready.",
    },
    {
      command: "fairlead connector run --site west --log-level info,session=debug",
      says: "Logs the sessions with other sites in detail, and everything else as usual.",
    },
    {
      command: "fairlead connector run --state ./west --config west.yaml",
      says: "Takes its options from west.yaml, and follows the file.",
    },
  ],
  async run(context, given) {
    const { io } = context;
    // The secrets of a container are often variables.
    const tokens = io.env.FAIRLEAD_TOKEN ? [...given.tokens, "$FAIRLEAD_TOKEN"] : given.tokens;
    const input = { ...given, tokens, kubernetes: kubernetesSource(given) };
    const defaults = {
      drain: fromVariable(io, "FAIRLEAD_DRAIN", parseDrain),
      metrics: fromVariable(io, "FAIRLEAD_METRICS", parseMetricsAddress),
    };
    const file = input.config === undefined ? undefined : await followed(io, input.config, input, defaults);
    const config = file === undefined ? mergeConfig({}, input, defaults) : await file.parse(file.text);
    const stateDir = config.state ?? (io.env.FAIRLEAD_STATE || (await usualState(io, config.site)));
    if (stateDir === undefined) {
      throw new FairleadError("request.invalid", "Neither a site nor a state directory is named.", {
        action: "Give --site NAME, or --state DIR of a site that has joined.",
      });
    }
    const { runConnector } = await import("../../runtime/run.ts");
    const ring = new LogRing();
    const made = await makeLog({ io, output: io.stdout, level: config.logLevel, json: context.json, ring });
    const log = made.child({ part: "connector" satisfies LogPart });
    io.dropFailedOutput();
    const signal = io.untilInterrupted();
    void logFailingChecks({ stateDir, io, log, signal });
    const ready = Promise.withResolvers<void>();
    void context.progress.during("Waiting for the edge of the site.", () => ready.promise);
    try {
      await runConnector({
        config,
        file,
        stateDir,
        log,
        signal,
        environment: io.env,
        recentLines: () => ring.lines,
        onReady: ready.resolve,
      });
    } finally {
      ready.resolve();
    }
  },
});

/** What the options say of the cluster. */
const kubernetesSource = (given: {
  readonly kubernetes: boolean;
  readonly kubeconfig: string | undefined;
  readonly kubernetesContext: string | undefined;
  readonly kubernetesNamespace: string | undefined;
  readonly kubernetesWatch: readonly string[] | null | undefined;
  readonly kubernetesImport: readonly string[] | undefined;
  readonly kubernetesEvents: boolean | undefined;
  readonly kubernetesMcs: boolean | undefined;
  readonly skupperAnnotations: boolean;
  readonly kubernetesName: string | undefined;
  readonly kubernetesPorts: PortRange | undefined;
}): KubernetesSource => ({
  inPod: given.kubernetes,
  kubeconfig: given.kubeconfig,
  context: given.kubernetesContext,
  namespace: given.kubernetesNamespace,
  watch: given.kubernetesWatch,
  import: given.kubernetesImport,
  events: given.kubernetesEvents,
  mcs: given.kubernetesMcs,
  skupperAnnotations: given.skupperAnnotations || undefined,
  name: given.kubernetesName,
  ports: given.kubernetesPorts,
});

/** A default that the image sets by a variable. Undefined without it. @throws FairleadError `request.invalid` */
function fromVariable<T>({ env }: Io, name: string, parse: (text: string) => T): T | undefined {
  const given = env[name];
  if (!given) return undefined;
  try {
    return parse(given);
  } catch (cause) {
    const text = `${name}: ${asFairleadError(cause, "request.invalid").message}`;
    throw new FairleadError("request.invalid", text, { cause });
  }
}

/** The file of --config, under the options of the command. @throws FairleadError `request.invalid`. */
async function followed(
  io: Io,
  path: string,
  options: ConfigSource,
  defaults: Pick<ConfigSource, "drain" | "metrics">,
): Promise<FollowedFile> {
  const { parseConfigFile, readConfigFile } = await import("../../config/config-file.ts");
  return {
    path,
    text: await readConfigFile(path),
    read: () => readConfigFile(path),
    parse: async (text) => mergeConfig(await parseConfigFile(text, path), options, defaults),
    onHangup: io.onHangup,
  };
}
