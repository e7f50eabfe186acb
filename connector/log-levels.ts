/**
 * The parts of a program that log, and the levels of their lines: one for everything, and others for single parts, such
 * as `info,session=debug`.
 */
import { FairleadError } from "../protocol/errors.ts";
import { LOG_LEVELS, type Log, type LogLevel, type LogLevels } from "./log.ts";

/** The parts of a connector. Each line carries the name of its part in the field `part`. */
export const CONNECTOR_LOG_PARTS = {
  connector: "start, stop and drain, and services offered or withdrawn by a command",
  config: "the configuration file",
  site: "joining, certificates, tokens and links",
  uplink: "the uplink to the edge, what the registry tells, and the address of lanes",
  session: "sessions with other sites, and their lanes",
  door: "sessions with public doors, and hostnames",
  listeners: "listeners, their certificates, and services of other sites",
  targets: "offers, targets and their health",
  relay: "streams and requests",
  udp: "datagrams",
  dns: "the DNS server",
  kubernetes: "the Kubernetes cluster that the connector works in",
  resources: "descriptors",
  telemetry: "reports of traffic",
  tracing: "export of spans",
  monitoring: "the listener of metrics and health",
} as const satisfies Readonly<Record<string, string>>;

/** The parts of an edge on this machine. */
export const EDGE_LOG_PARTS = {
  edge: "start and stop, addresses, lanes and certificates",
  front: "listeners of the gateway, the door and the console",
  workerd: "the process that runs the edge, and what it writes",
} as const satisfies Readonly<Record<string, string>>;

export type LogPart = keyof typeof CONNECTOR_LOG_PARTS | keyof typeof EDGE_LOG_PARTS;

/** The log of a part. A part within a part has its own name alone. */
export const partLog = (log: Log, part: LogPart): Log => log.child({ part });

/** The level of a log for which nothing is given. */
export const DEFAULT_LOG_LEVELS: LogLevels = { level: "info", parts: {} };

const LEVEL = `(${LOG_LEVELS.join("|")})`;

/** The form of {@link parseConnectorLogLevels}, for editors. */
export const LOG_LEVELS_PATTERN = (() => {
  const part = `(${Object.keys(CONNECTOR_LOG_PARTS).join("|")})=${LEVEL}`;
  return `^(${LEVEL}|${part})(,${part})*$`;
})();

/** Parses the levels of a connector's log. @throws FairleadError `request.invalid` */
export const parseConnectorLogLevels = (text: string): LogLevels => parse(text, CONNECTOR_LOG_PARTS);

/** Parses the levels of an edge's log. @throws FairleadError `request.invalid` */
export const parseEdgeLogLevels = (text: string): LogLevels => parse(text, EDGE_LOG_PARTS);

/** What an option's description says of its values. */
export const logLevelsHelp = (parts: Readonly<Record<string, string>>): string =>
  `Least level of log lines: ${wordList(LOG_LEVELS)}. Levels of single parts may follow, each as ,PART=LEVEL; the parts are ${Object.keys(parts).join(", ")}.`;

/** Whether two values mean the same levels. */
export function sameLogLevels(left: LogLevels, right: LogLevels): boolean {
  const names = new Set([...Object.keys(left.parts), ...Object.keys(right.parts)]);
  return left.level === right.level && [...names].every((name) => left.parts[name] === right.parts[name]);
}

function parse(text: string, known: Readonly<Record<string, string>>): LogLevels {
  const [first = "", ...others] = text.split(",");
  const named = first.includes("=") ? [first, ...others] : others;
  const level = first.includes("=") ? DEFAULT_LOG_LEVELS.level : levelOf(first);
  const parts: Record<string, LogLevel> = {};
  for (const each of named) {
    const [name = "", value, ...more] = each.split("=");
    if (value === undefined || more.length > 0) throw invalid(`"${each}": the form is PART=LEVEL.`);
    if (!Object.hasOwn(known, name)) {
      throw invalid(`"${name}" is no part of the log, which are ${Object.keys(known).join(", ")}.`);
    }
    if (Object.hasOwn(parts, name)) throw invalid(`The part ${name} is named twice.`);
    parts[name] = levelOf(value);
  }
  return { level, parts };
}

function levelOf(text: string): LogLevel {
  const level = LOG_LEVELS.find((each) => each === text);
  if (level !== undefined) return level;
  throw invalid(`"${text}" is no level of the log, which are ${LOG_LEVELS.join(", ")}.`);
}

const invalid = (message: string) => new FairleadError("request.invalid", message);

const wordList = (words: readonly string[]): string => `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
