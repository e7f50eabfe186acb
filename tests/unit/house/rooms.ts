/**
 * Which room may import from which, and why. A room is a folder; a folder and a folder in it are two rooms. No two rooms
 * import each other, directly or through others: `rooms.test.ts` checks both.
 */
import type { Line } from "./imports.ts";

const PROTOCOL: readonly Line[] = [
  {
    room: "protocol",
    usedBy: ["protocol/**", "workers/**", "connector/**"],
    why: "Errors, ids, names, encodings and limits mean the same everywhere.",
  },
  {
    room: "protocol/front",
    usedBy: [
      "workers/door",
      ...["protocol", "protocol/api", "workers", "workers/api", "workers/limits"],
      "workers/registry/operations",
      ...[
        "connector/cli/login",
        "connector/cli/site",
        "connector/control",
        "connector/edge/**",
        "connector/operator/backup",
        "connector/operator/deploy",
      ],
      ...["connector/operator/login", "connector/site"],
      "connector/cli/doctor",
    ],
    why: "The origin of an edge is written in one form, and its front tells the Workers of clients in one form.",
  },
  {
    room: "protocol/api",
    usedBy: [
      "workers/telemetry/**",
      "workers/console/app/**",
      ...["workers", "workers/api", "workers/auth", "workers/directory", "workers/gateway"],
      ...["workers/console", "workers/registry/**"],
      "protocol/diagnosis",
      "protocol/metrics",
      ...["connector/cli/**", "connector/control", "connector/edge/**", "connector/net"],
      ...["connector/operator", "connector/operator/cost", "connector/operator/deploy", "connector/site"],
    ],
    why: "The forms of the HTTPS API, which the Workers answer in and clients read.",
  },
  {
    room: "protocol/exchange",
    usedBy: [
      ...["connector/http/client", "connector/http/server", "connector/observers", "connector/runtime"],
      ...["connector/targets", "workers/door"],
    ],
    why: "Requests and responses travel in one form between connectors, and between a door and a connector.",
  },
  {
    room: "protocol/uplink",
    usedBy: [
      "workers",
      "workers/telemetry",
      "workers/door",
      "connector/door",
      ...["protocol/api", "protocol/session"],
      ...["workers/api", "workers/authority", "workers/gateway", "workers/registry/**", "workers/router"],
      ...[
        "connector/dns",
        "connector/config",
        "connector/control",
        "connector/http/client",
        "connector/listeners/**",
      ],
      ...[
        "connector/operator",
        "connector/operator/cost",
        "connector/relay",
        "connector/runtime",
        "connector/session",
        "connector/site",
      ],
      ...["connector/targets", "connector/telemetry", "connector/uplink"],
      "connector/kubernetes/**",
    ],
    why: "The messages of an uplink, whose parts (offers, instances, invitations) appear wherever they are used.",
  },
  {
    room: "protocol/carrier",
    usedBy: [
      "workers/door",
      "protocol/session",
      "connector/net",
      "connector/operator/cost",
      "connector/session",
    ],
    why: "A session's bytes over several lanes; a lane's WebSocket carries its messages, whose size an estimate counts with.",
  },
  {
    room: "protocol/streams",
    usedBy: ["workers/door", "connector/door", "connector/session"],
    why: "Many streams in one session, whose HELLO names features.",
  },
  {
    room: "protocol/dns",
    usedBy: [
      ...["protocol/uplink", "workers/api", "workers/dns", "workers/registry", "workers/registry/operations"],
      ...["connector/config", "connector/dns", "connector/runtime"],
      ...[
        "connector/kubernetes",
        "connector/kubernetes/api",
        "connector/kubernetes/imports",
        "connector/kubernetes/mcs",
      ],
    ],
    why: "Messages, zones and answers of DNS, which need no sockets.",
  },
  {
    room: "protocol/session",
    usedBy: ["workers/door", "connector/session"],
    why: "The session's decisions, which need no Node.",
  },
  {
    room: "protocol/telemetry",
    usedBy: [
      "workers/api",
      "workers/gateway",
      "workers/telemetry/**",
      "connector/runtime",
      "protocol/api",
      "connector/relay",
      "connector/targets",
      ...["connector/telemetry", "connector/uplink", "connector/control"],
      ...["connector/cli/flows", "connector/cli/top"],
      "workers/console/app/**",
      "protocol/metrics",
    ],
    why: "Traffic is counted, recorded and filtered by the same rules at connectors, at the edge and in consoles.",
  },
  {
    room: "protocol/diagnosis",
    usedBy: ["connector/cli/check", "connector/cli/status", "connector/cli/views", "workers/console/app/**"],
    why: "Commands and consoles say the same of what is broken, and of what to do about it.",
  },
  {
    room: "protocol/metrics",
    usedBy: ["workers/api", "workers/telemetry", "connector/monitoring", "connector/runtime"],
    why: "Connectors and the edge serve metrics with the same names.",
  },
  {
    room: "protocol/datagrams",
    usedBy: ["connector/runtime", "connector/targets", "connector/udp"],
    why: "Datagrams in a stream.",
  },
];

const WORKERS: readonly Line[] = [
  {
    room: ".",
    usedBy: ["workers/api"],
    why: "The API tells the version in package.json.",
  },
  {
    room: "workers",
    usedBy: ["workers/**"],
    why: "The configuration, results across objects and answers to errors are the same in every room.",
  },
  ...["api", "gateway", "limits", "directory", "registry", "router"].map((room) => ({
    room: `workers/${room}`,
    usedBy: ["workers/worker"],
    why: "The Worker's entry point puts the rooms together.",
  })),
  {
    room: "workers/telemetry",
    usedBy: ["workers/api", "workers/gateway", "workers/registry", "workers/worker"],
    why: "Connectors and viewers reach the traffic of a network; the registry ends the reports of removed sites.",
  },
  {
    room: "workers/telemetry/policy",
    usedBy: ["workers/telemetry"],
    why: "What the object of traffic decides, without sockets and storage.",
  },
  {
    room: "workers/auth",
    usedBy: ["workers/console", "workers/door", "workers/worker", "workers/api"],
    why: "Who calls, and what they may do.",
  },
  {
    room: "workers/live",
    usedBy: ["workers/telemetry", "workers/api", "workers/registry", "workers/registry/sockets"],
    why: "The API hands the viewers of live channels to their objects, which check them again.",
  },
  {
    room: "workers/limits",
    usedBy: [
      "workers/registry/context",
      "workers/registry/policy",
      "workers/telemetry/**",
      "workers/console",
      "workers/door",
      "workers/api",
      "workers/gateway",
    ],
    why: "Both doors limit what strangers can make the edge do.",
  },
  {
    room: "workers/directory",
    usedBy: ["workers/door", "workers/api", "workers/gateway", "workers/live"],
    why: "Both doors ask the directory which networks and keys there are.",
  },
  {
    room: "workers/registry",
    usedBy: ["workers/api", "workers/gateway"],
    why: "Both doors lead to a network's registry.",
  },
  {
    room: "workers/console",
    usedBy: ["workers/api", "workers/live", "workers/worker"],
    why: "A session of the console authenticates at the API, whose host serves its pages.",
  },
  {
    room: "workers/dns",
    usedBy: ["workers/api"],
    why: "DNS over HTTPS is a route of the API's host.",
  },
  {
    room: "workers/authority",
    usedBy: [
      "workers/auth",
      "workers/door",
      ...["workers/api", "workers/gateway", "workers/registry", "workers/registry/context"],
      ...["workers/registry/operations", "workers/router"],
    ],
    why: "Certificates and tickets are made by the registry and checked at every door.",
  },
  {
    room: "workers/router",
    usedBy: ["workers/gateway", "workers/registry", "workers/registry/operations"],
    why: "Lanes go to the router of their session; the registry cuts them there.",
  },
  {
    room: "workers/door",
    usedBy: ["workers/gateway", "workers/registry", "workers/worker"],
    why: "Clients and connectors reach the door of a hostname; the registry ends its sessions.",
  },
  {
    room: "workers/console/app/traffic",
    usedBy: [
      ...["workers/console/app/topology", "workers/console/app/charts"],
      ...["workers/console/app/pages/overview", "workers/console/app/pages/services"],
      "workers/console/app/pages/topology",
    ],
    why: "Rates are computed in one way, on a graph as in a chart.",
  },
  {
    room: "workers/console/app/topology",
    usedBy: ["workers/console/app/canvas", "workers/console/app/pages/topology"],
    why: "Which nodes and lines a graph has, and where they are, is decided without a browser.",
  },
  {
    room: "workers/console/app/charts",
    usedBy: ["workers/console/app/pages/services"],
    why: "Every chart is drawn, and told as a table, in one way.",
  },
  {
    room: "workers/console/app/flows",
    usedBy: ["workers/console/app/pages/flows"],
    why: "What a filter suggests and what a file of flows has is decided without a browser.",
  },
  {
    room: "workers/console/app/canvas",
    usedBy: ["workers/console/app/pages/topology"],
    why: "Every graph is moved, zoomed and drawn in one way.",
  },
  {
    room: "workers/registry/operations",
    usedBy: ["workers/registry"],
    why: "The registry object calls one operation for each request, message and alarm.",
  },
  {
    room: "workers/registry/context",
    usedBy: ["workers/registry", "workers/registry/operations"],
    why: "What every operation works with.",
  },
  {
    room: "workers/registry/sockets",
    usedBy: ["workers/registry", "workers/registry/context", "workers/registry/operations"],
    why: "The uplinks that are open, and what waits to be sent on them.",
  },
  {
    room: "workers/registry/store",
    usedBy: ["workers/registry", "workers/registry/context", "workers/registry/operations"],
    why: "The registry's tables.",
  },
  {
    room: "workers/registry/policy",
    usedBy: [
      ...["workers/registry", "workers/registry/context", "workers/registry/operations"],
      ...["workers/registry/sockets", "workers/registry/store"],
    ],
    why: "The registry's decisions are pure functions, and name the forms that they decide on.",
  },
];

/** The application in the browser: pages at the top, what they are made of below. */
const CONSOLE_APP: readonly Line[] = [
  {
    room: "workers/console/app/format",
    usedBy: [
      ...["workers/console/app/charts", "workers/console/app/parts", "workers/console/app/shell"],
      "workers/console/app/pages/**",
    ],
    why: "Times, quantities and commands have one form on every page.",
  },
  {
    room: "workers/console/app/api",
    usedBy: [
      ...["workers/console/app", "workers/console/app/parts", "workers/console/app/router"],
      ...["workers/console/app/shell", "workers/console/app/pages/**"],
    ],
    why: "Calls of the API, with the session of the user.",
  },
  {
    room: "workers/console/app/live",
    usedBy: ["workers/console/app/parts", "workers/console/app/shell", "workers/console/app/pages/**"],
    why: "The store of what is live, which both channels feed.",
  },
  {
    room: "workers/console/app/parts",
    usedBy: ["workers/console/app/shell", "workers/console/app/pages/**"],
    why: "What pages are made of.",
  },
  {
    room: "workers/console/app/shell",
    usedBy: ["workers/console/app", "workers/console/app/router", "workers/console/app/pages/**"],
    why: "What surrounds the pages; pages outside of a network choose theirs.",
  },
  {
    room: "workers/console/app/router",
    usedBy: ["workers/console/app"],
    why: "The entry makes the router.",
  },
  ...[
    ...["check", "events", "flows", "keys", "links", "networks", "overview", "services", "settings"],
    ...["sign-in", "sites", "tokens", "topology"],
  ].map((page) => ({
    room: `workers/console/app/pages/${page}`,
    usedBy: ["workers/console/app/router"],
    why: "Each route has its page. Pages import nothing of one another.",
  })),
];

const CONNECTOR: readonly Line[] = [
  {
    room: "connector",
    usedBy: ["connector/**"],
    why: "The log, the version and X.509, which import nothing of the connector.",
  },
  {
    room: "connector/async",
    usedBy: ["connector/**"],
    why: "Waiting, time limits and their ends, which import nothing of the connector.",
  },
  {
    room: "connector/state",
    usedBy: [
      ...["connector/cli/framework", "connector/control", "connector/edge/**", "connector/files"],
      ...["connector/listeners", "connector/operator/**", "connector/runtime", "connector/site"],
      ...["connector/targets", "connector/diagnosis", "connector/kubernetes/**"],
    ],
    why: "Files that outlive the process are written in one way.",
  },
  {
    room: "connector/files",
    usedBy: [
      "connector/operator/dump",
      ...["connector/cli/framework", "connector/cli/network", "connector/config", "connector/edge/workerd"],
      "connector/edge/front",
      "connector/targets",
      ...["connector/operator/backup", "connector/operator/login", "connector/site"],
    ],
    why: "A file that a user named and that cannot be used has one kind of error, whichever option names it.",
  },
  {
    room: "connector/net",
    usedBy: [
      "connector/monitoring",
      "connector/http/client",
      "connector/targets/health",
      "connector/udp",
      ...["connector/cli/edge", "connector/cli/framework", "connector/cli/login", "connector/cli/service"],
      ...["connector/cli/views", "connector/config"],
      ...[
        "connector/control",
        "connector/listeners/**",
        "connector/operator/**",
        "connector/relay",
        "connector/runtime",
      ],
      ...["connector/session", "connector/site", "connector/state", "connector/targets", "connector/uplink"],
      ...["connector/diagnosis", "connector/dns", "connector/http/server", "connector/telemetry"],
      "connector/kubernetes/**",
    ],
    why: "Sockets, WebSockets, proxies, names and the client of the API.",
  },
  {
    room: "connector/config",
    usedBy: [
      "connector/monitoring",
      "connector/door",
      ...["connector/cli/**", "connector/control", "connector/listeners/**", "connector/runtime"],
      ...["connector/dns", "connector/http/retry", "connector/observers", "connector/targets/**"],
      ...["connector/diagnosis", "connector/kubernetes/**"],
    ],
    why: "The forms of services, scopes, policies and durations, as users write them.",
  },
  {
    room: "connector/kubernetes/api",
    usedBy: ["connector/kubernetes/**"],
    why: "Requests to a Kubernetes API server, and the kinds of objects that they are about.",
  },
  {
    room: "connector/kubernetes/imports",
    usedBy: ["connector/kubernetes"],
    why: "The root gives what makes Services the connector's listeners, and lends its access to other controllers.",
  },
  {
    room: "connector/kubernetes/links",
    usedBy: ["connector/kubernetes"],
    why: "The root tells the cluster of the site's links.",
  },
  {
    room: "connector/kubernetes/state",
    usedBy: ["connector/kubernetes"],
    why: "The state of a site is opened before its cluster is.",
  },
  {
    room: "connector/kubernetes/exports",
    usedBy: ["connector/kubernetes"],
    why: "The controllers of a cluster are joined with the connector.",
  },
  {
    room: "connector/kubernetes/mcs",
    usedBy: ["connector/kubernetes"],
    why: "The controllers of a cluster are joined with the connector.",
  },
  {
    room: "connector/kubernetes/imports",
    usedBy: ["connector/kubernetes"],
    why: "The controllers of a cluster are joined with the connector.",
  },
  {
    room: "connector/kubernetes/cluster",
    usedBy: ["connector/kubernetes/**"],
    why: "Controllers see the cluster as views of objects, a writer, Events, and who leads.",
  },
  {
    room: "connector/kubernetes",
    usedBy: ["connector/runtime"],
    why: "The runtime makes what works in a cluster, and starts and stops it with the connector.",
  },
  {
    room: "connector/kubernetes/watch",
    usedBy: ["connector/kubernetes/cluster"],
    why: "The views of a cluster are kept by reflectors.",
  },
  {
    room: "connector/kubernetes/manifest",
    usedBy: ["connector/cli/kubernetes"],
    why: "The objects of an installation, which the command prints.",
  },
  {
    room: "connector/resources",
    usedBy: [
      "connector/udp",
      ...["connector/control", "connector/edge", "connector/listeners", "connector/runtime"],
      "connector/targets",
      "connector/diagnosis",
    ],
    why: "Descriptors and memory are limits of the whole process.",
  },
  {
    room: "connector/relay",
    usedBy: [
      "connector/tracing",
      "connector/listeners/tls",
      "connector/http",
      ...["connector/http/client", "connector/listeners", "connector/observers", "connector/runtime"],
      ...["connector/door", "connector/targets"],
      ...["connector/http/server", "connector/telemetry", "connector/udp"],
    ],
    why: "A client's connection and a stream are joined in one way on both sides, by the relay that the runtime makes.",
  },
  {
    room: "connector/observers",
    usedBy: ["connector/runtime"],
    why: "The runtime gives listeners what makes the observers of their clients' connections.",
  },
  {
    room: "connector/telemetry",
    usedBy: ["connector/runtime"],
    why: "The runtime has what counts its traffic observe the relay, and gives it the way to the edge.",
  },
  {
    room: "connector/site",
    usedBy: [
      "connector/cli/kubernetes",
      "connector/cli/link",
      "connector/control",
      "connector/kubernetes",
      "connector/runtime",
      "connector/uplink",
      "connector/diagnosis",
    ],
    why: "Who the site is: its key, certificates and links.",
  },
  {
    room: "connector/uplink",
    usedBy: ["connector/cli/views", "connector/control", "connector/runtime", "connector/diagnosis"],
    why: "The connection to the registry and its state.",
  },
  {
    room: "connector/session",
    usedBy: ["connector/door", "connector/control", "connector/runtime"],
    why: "Sessions with other sites are made by the runtime and reported by the control socket.",
  },
  {
    room: "connector/listeners",
    usedBy: [
      ...["connector/control", "connector/runtime", "connector/udp", "connector/http/server"],
      ...["connector/kubernetes", "connector/kubernetes/imports"],
    ],
    why: "Services of other sites are taken up by the runtime and reported by the control socket.",
  },
  {
    room: "connector/targets/health",
    usedBy: ["connector/targets"],
    why: "The health of a target is decided apart from its connections, which the checks get passed in.",
  },
  {
    room: "connector/listeners/tls",
    usedBy: ["connector/runtime"],
    why: "The runtime gives the listeners' clients the TLS that the configuration wants.",
  },
  {
    room: "connector/targets",
    usedBy: [
      "connector/control",
      "connector/door",
      "connector/http/client",
      "connector/kubernetes/**",
      "connector/runtime",
      "connector/udp",
    ],
    why: "Services of this site are offered by the runtime and reported by the control socket.",
  },
  {
    room: "connector/door",
    usedBy: ["connector/runtime"],
    why: "Sessions with the doors of the edge are made by the runtime.",
  },
  {
    room: "connector/dns",
    usedBy: ["connector/cli/dns", "connector/runtime"],
    why: "The runtime gives the DNS servers of a site the services that they name; a command prints what resolvers need to ask them.",
  },
  {
    room: "connector/http",
    usedBy: ["connector/http/client", "connector/http/server"],
    why: "What the server and the client of HTTP/1.1 share: field lines, corking, the answer to a WebSocket's key.",
  },
  {
    room: "connector/http/client",
    usedBy: ["connector/door", "connector/runtime"],
    why: "Requests of other sites are sent to targets by the client that the runtime makes; a door's WebSocket takes over a request's connection.",
  },
  {
    room: "connector/http/server",
    usedBy: ["connector/runtime"],
    why: "Clients of listeners that speak HTTP are served by the server that the runtime makes.",
  },
  {
    room: "connector/http/retry",
    usedBy: ["connector/runtime"],
    why: "The runtime gives the HTTP server the rules of repetitions.",
  },
  {
    room: "connector/monitoring",
    usedBy: ["connector/runtime"],
    why: "The runtime gives the server of metrics and health what it tells of the connector.",
  },
  {
    room: "connector/tracing",
    usedBy: ["connector/runtime"],
    why: "The runtime gives the relay what traces its flows.",
  },
  {
    room: "connector/udp",
    usedBy: ["connector/runtime"],
    why: "The runtime gives UDP listeners and UDP targets their streams.",
  },
  {
    room: "connector/control",
    usedBy: [
      "connector/cli/debug",
      "connector/monitoring",
      ...["connector/cli/link", "connector/cli/service", "connector/cli/site", "connector/cli/status"],
      ...["connector/cli/dns", "connector/cli/flows"],
      ...["connector/cli/views", "connector/edge", "connector/runtime"],
      "connector/diagnosis",
      "connector/cli/connector",
      "connector/cli/check",
    ],
    why: "Commands talk to the connector of their machine over its control socket; the embedded edge serves one too.",
  },
  {
    room: "connector/diagnosis",
    usedBy: ["connector/cli/debug", "connector/cli/connector", "connector/cli/doctor"],
    why: "The checks of a machine: a command runs all of them, and a connector those of its path when it does not get up.",
  },
  {
    room: "connector/runtime",
    usedBy: ["connector/cli/connector", "connector/cli/site"],
    why: "The commands run the connector, and move a site whose connector is stopped.",
  },
  {
    room: "connector/edge",
    usedBy: ["connector/cli/edge", "connector/operator/backup"],
    why: "The command runs the embedded edge; a backup starts one to restore into it.",
  },
  {
    room: "connector/edge/addresses",
    usedBy: [
      "connector/cli/edge",
      ...["connector/cli/framework", "connector/edge", "connector/edge/front", "connector/edge/workerd"],
      "connector/operator/deploy",
      "connector/diagnosis",
    ],
    why: "The form of `HOST:PORT`, and the ports that the embedded edge keeps.",
  },
  {
    room: "connector/edge/credentials",
    usedBy: [
      ...["connector/edge", "connector/edge/front", "connector/edge/workerd"],
      ...["connector/operator/backup", "connector/operator/deploy"],
      "connector/diagnosis",
    ],
    why: "The deployment's CA, the server's certificate and the admin key.",
  },
  {
    room: "connector/edge/workerd",
    usedBy: [
      ...["connector/cli/edge", "connector/edge", "connector/edge/front", "connector/operator/deploy"],
      "connector/diagnosis",
    ],
    why: "The built Worker, and the process that runs it.",
  },
  {
    room: "connector/edge/front",
    usedBy: ["connector/edge"],
    why: "TLS before workerd.",
  },
  {
    room: "connector/operator",
    usedBy: ["connector/cli/**", "connector/operator/backup", "connector/diagnosis"],
    why: "The calls of the HTTPS API that commands make.",
  },
  {
    room: "connector/operator/dump",
    usedBy: ["connector/cli/debug"],
    why: "The command writes what the dump collects.",
  },
  {
    room: "connector/operator/login",
    usedBy: [
      "connector/cli/edge",
      "connector/cli/framework",
      "connector/cli/login",
      "connector/cli/network",
      "connector/diagnosis",
      "connector/cli/doctor",
    ],
    why: "Which edge a command talks to, with which key.",
  },
  {
    room: "connector/operator/backup",
    usedBy: ["connector/cli/edge"],
    why: "The command makes backups and restores them.",
  },
  {
    room: "connector/operator/service-unit",
    usedBy: ["connector/cli/connector", "connector/cli/edge", "connector/cli/framework"],
    why: "The commands install the units of connectors and edges.",
  },
  {
    room: "connector/operator/deploy",
    usedBy: ["connector/cli/edge", "connector/operator/backup"],
    why: "The command deploys to Cloudflare; a backup holds the record of a deployment.",
  },
  {
    room: "connector/operator/cost",
    usedBy: ["connector/cli/cost"],
    why: "The command estimates what a network costs on Cloudflare; the estimate itself is pure.",
  },
];

const NOUNS = [
  "console",
  ...[
    "access",
    "check",
    "completion",
    "connector",
    "cost",
    "dns",
    "doctor",
    "edge",
    "events",
    "flows",
    "hostname",
    "key",
    "kubernetes",
    "link",
    "login",
    "network",
    "debug",
  ],
  ...["service", "site", "status", "token", "top", "version"],
];
const CLI: readonly Line[] = [
  ...NOUNS.map((noun) => ({
    room: `connector/cli/${noun}`,
    usedBy: ["connector/cli"],
    why: "commands.ts lists every command.",
  })),
  {
    room: "connector/cli/framework",
    usedBy: ["connector/cli/**"],
    why: "What every command is written with: its definition, its context, its output.",
  },
  {
    room: "connector/cli/views",
    usedBy: [
      "access",
      "edge",
      "flows",
      "top",
      "link",
      "network",
      "service",
      "site",
      "status",
      "token",
      "check",
      "debug",
    ].map((noun) => `connector/cli/${noun}`),
    why: "What several commands print.",
  },
  {
    room: "connector/cli/events",
    usedBy: ["connector/cli/flows"],
    why: "`flows` takes times in the form of `events`.",
  },
  {
    room: "connector/cli/flows",
    usedBy: ["connector/cli/top"],
    why: "`top` follows the live channel as `flows` does.",
  },
  {
    room: "connector/cli/token",
    usedBy: ["connector/cli/site"],
    why: "`site create` makes a token with the options of `token create`.",
  },
];

export const ROOMS: readonly Line[] = [...PROTOCOL, ...WORKERS, ...CONSOLE_APP, ...CONNECTOR, ...CLI];
