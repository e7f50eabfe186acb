/** The systemd units of a connector and of an edge, as text. */
import { isIP } from "node:net";
import { FairleadError } from "../../../protocol/errors.ts";

/** How this command is run: the program and the words before its own. */
export type Program = readonly [string, ...string[]];

export interface ConnectorUnitOptions {
  readonly program: Program;
  /** Also the name of the state directory below /var/lib. */
  readonly name: string;
  readonly site: string | undefined;
  /** Absolute paths of token files, which systemd reads as root. */
  readonly tokens: readonly string[];
  /** Absolute path of the configuration file, which the connector follows. */
  readonly config: string | undefined;
  /** Seconds that open connections may continue after SIGTERM. */
  readonly drain: number;
  /** Whether listeners may have ports below 1024. */
  readonly lowPorts: boolean;
}

export interface EdgeUnitOptions {
  readonly program: Program;
  readonly name: string;
  readonly api: string;
  readonly gateway: string;
  readonly lanes: string | undefined;
  readonly hostname: string | undefined;
}

/** Seconds between the end of draining and SIGKILL. */
const DRAIN_MARGIN = 15;

/** Seconds until SIGKILL for an edge, which stops within five. */
const EDGE_STOP = 20;

/** The unit of a connector. @throws FairleadError `request.invalid` for a path that a unit cannot have */
export function connectorUnit(options: ConnectorUnitOptions): string {
  const { program, name, site, tokens, config, drain, lowPorts } = options;
  const words = [...program, "connector", "run", "--json"];
  if (site !== undefined) words.push("--site", site);
  if (config !== undefined) words.push("--config", config);
  const credentials = tokens.map((path, index) => `LoadCredential=token${index}:${pathWord(path)}`);
  const tokenWords = tokens.flatMap((_, index) => ["--token", `\${CREDENTIALS_DIRECTORY}/token${index}`]);
  return unit(`Fairlead connector${site === undefined ? "" : ` of the site ${site}`}`, [
    `Environment=FAIRLEAD_STATE=/var/lib/${name}`,
    ...credentials,
    `ExecStart=${[...words.map(word), ...tokenWords].join(" ")}`,
    // Without a configuration file there is nothing to reload, and SIGHUP ends the connector.
    ...(config === undefined ? [] : ["ExecReload=/bin/kill -HUP $MAINPID"]),
    `TimeoutStopSec=${drain + DRAIN_MARGIN}s`,
    ...common(name, program),
    ...capabilities(lowPorts),
  ]);
}

/** The unit of an edge. @throws FairleadError `request.invalid` for a path that a unit cannot have */
export function edgeUnit(options: EdgeUnitOptions): string {
  const { program, name, api, gateway, lanes, hostname } = options;
  const words = [...program, "edge", "start", "--json", "--no-login", "--state", `/var/lib/${name}`];
  words.push("--api", api, "--gateway", gateway);
  if (lanes !== undefined) words.push("--lanes", lanes);
  if (hostname !== undefined) words.push("--hostname", hostname);
  return unit("Fairlead edge", [
    `ExecStart=${words.map(word).join(" ")}`,
    `TimeoutStopSec=${EDGE_STOP}s`,
    ...common(name, program),
    ...capabilities([api, gateway, lanes].some((address) => address !== undefined && isLow(address))),
  ]);
}

function unit(description: string, service: readonly string[]): string {
  return [
    "[Unit]",
    `Description=${description}`,
    "Wants=network-online.target",
    "After=network-online.target",
    "# The program waits between attempts by itself.",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=exec",
    ...service,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
}

/** What both units have: their user, their state, their end, and what they may not do. */
function common(name: string, program: Program): string[] {
  const inHome = program.some((path) => /^\/(home|root|run\/user)\//.test(path));
  return [
    "# 2: options, files or tokens are wrong, which a restart does not repair.",
    "Restart=on-failure",
    "RestartSec=2s",
    "RestartPreventExitStatus=2",
    "KillSignal=SIGTERM",
    "KillMode=mixed",
    "LimitNOFILE=65536",
    "DynamicUser=yes",
    `StateDirectory=${name}`,
    "StateDirectoryMode=0700",
    "UMask=0077",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    `ProtectHome=${inHome ? "read-only" : "yes"}`,
    "ProtectProc=invisible",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "PrivateDevices=yes",
    "PrivateTmp=yes",
    "RemoveIPC=yes",
    "LockPersonality=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "# No MemoryDenyWriteExecute: V8 compiles at run time.",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged",
    "SystemCallErrorNumber=EPERM",
  ];
}

const capabilities = (lowPorts: boolean) =>
  lowPorts
    ? ["AmbientCapabilities=CAP_NET_BIND_SERVICE", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE"]
    : ["CapabilityBoundingSet="];

/** Whether `HOST:PORT` has a port that needs a capability. `off` has none. */
function isLow(address: string): boolean {
  const [, port] = /:(\d+)$/.exec(address) ?? [];
  return port !== undefined && Number(port) > 0 && Number(port) < 1024;
}

/** A word of a command line in a unit: quoted, without specifiers or variables. */
function word(text: string): string {
  refuseControl(text);
  const plain = text.replaceAll("%", "%%").replaceAll("$", "$$$$");
  if (isIP(text) !== 0 || /^[\w@%+=:,./$-]+$/.test(plain)) return plain;
  return `"${plain.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** A path as the value of a setting. */
function pathWord(path: string): string {
  refuseControl(path);
  if (/\s/.test(path)) throw invalid(`"${path}" has a space, which LoadCredential= does not take.`);
  return path.replaceAll("%", "%%");
}

function refuseControl(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a line end would begin another setting
  if (/[\u0000-\u001f\u007f]/.test(text)) throw invalid(`${JSON.stringify(text)} has a control character.`);
}

const invalid = (message: string) => new FairleadError("request.invalid", message);
