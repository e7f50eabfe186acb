/** The file of `connector run --config`: the command's options under their own names, as YAML. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { SiteName } from "../../../protocol/names.ts";
import { describeIssues } from "../../../protocol/parse.ts";
import { MAX_LANES } from "../../../protocol/uplink/messages.ts";
import { parseAllowHop, parseHop } from "../../config/hop-policy.ts";
import { parseBind, parseExpose, parseListen, parseTo } from "../../config/service-options.ts";
import { MAX_KEEPALIVE_SECONDS } from "../../net/local-socket.ts";
import { parseDuration } from "../framework/duration.ts";

const Config = z.strictObject({
  site: SiteName.optional(),
  state: z.string().min(1).optional(),
  token: z.array(z.string().min(1)).default([]),
  expose: z.array(z.string()).default([]),
  to: z.array(z.string()).default([]),
  listen: z.array(z.string()).default([]),
  hop: z.array(z.string()).default([]),
  "allow-hop": z.array(z.string()).default([]),
  bind: z.string().min(1).optional(),
  lanes: z.number().int().min(1).max(MAX_LANES).optional(),
  "session-timeout": z.string().optional(),
  drain: z.string().optional(),
  keepalive: z.string().optional(),
  memory: z.string().optional(),
});

export interface ConnectorConfig {
  readonly site?: string | undefined;
  readonly state?: string | undefined;
  readonly tokens: readonly string[];
  /** As written, checked. */
  readonly expose: readonly string[];
  readonly listen: readonly string[];
  /** As written, checked. */
  readonly to?: readonly string[] | undefined;
  /** Names of services. */
  readonly hop?: readonly string[] | undefined;
  readonly allowHop?: readonly string[] | undefined;
  readonly bind?: string | undefined;
  readonly lanes?: number | undefined;
  /** Seconds. */
  readonly sessionTimeout?: number | undefined;
  /** Seconds. */
  readonly drain?: number | undefined;
  /** Seconds; null for off. */
  readonly keepalive?: number | null | undefined;
  /** Bytes. */
  readonly memory?: number | undefined;
}

/**
 * Reads the text of a config file; `source` names it in errors.
 * @throws FairleadError `request.invalid`
 */
export async function parseConfig(text: string, source: string): Promise<ConnectorConfig> {
  const { parse } = await import("yaml");
  try {
    const read = Config.safeParse(parse(text) ?? {});
    if (!read.success) throw new Error(describeIssues(read.error.issues));
    const {
      token,
      expose,
      listen,
      to,
      hop,
      "allow-hop": allowHop,
      bind,
      "session-timeout": timeout,
      drain,
      keepalive,
      memory,
      ...rest
    } = read.data;
    return {
      ...rest,
      tokens: token,
      expose: expose.map(exposeText),
      listen: listen.map(listenText),
      to: to.map(toText),
      hop: hop.map(hopText),
      allowHop: allowHop.map(allowHopText),
      bind: bind === undefined ? undefined : bindText(bind),
      sessionTimeout: timeout === undefined ? undefined : parseDuration(timeout),
      drain: drain === undefined ? undefined : parseDrain(drain),
      keepalive: keepalive === undefined ? undefined : parseKeepAlive(keepalive),
      memory: memory === undefined ? undefined : parseMemory(memory),
    };
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FairleadError("request.invalid", `${source}: ${why}`, { cause: thrown });
  }
}

/** Reads a config file. @throws FairleadError `request.invalid` */
export async function readConfig(path: string): Promise<ConnectorConfig> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FairleadError("request.invalid", `--config: ${why}`, { cause: thrown });
  });
  return parseConfig(text, path);
}

/** Checks a value of --expose, --to, --listen, --bind, --hop or --allow-hop, and leaves it as it was written: the connector reads it. */
const checkedBy =
  (parse: (text: string) => unknown) =>
  (text: string): string => {
    parse(text);
    return text;
  };
export const exposeText = checkedBy(parseExpose);
export const toText = checkedBy(parseTo);
export const listenText = checkedBy(parseListen);
export const bindText = checkedBy(parseBind);
export const hopText = checkedBy(parseHop);
export const allowHopText = checkedBy(parseAllowHop);

/** Lanes of a session. @throws FairleadError `request.invalid` */
export function parseLanes(text: string): number {
  const lanes = Number(text);
  if (Number.isInteger(lanes) && lanes >= 1 && lanes <= MAX_LANES) return lanes;
  throw new FairleadError("request.invalid", `"${text}" is no number of lanes: 1 to ${MAX_LANES}`);
}

/** Seconds for streams to finish; none are a duration here. @throws FairleadError `request.invalid` */
export function parseDrain(text: string): number {
  return text === "0s" ? 0 : parseDuration(text);
}

/** Seconds before the kernel probes an idle local connection; null for `off`. @throws FairleadError `request.invalid` */
export function parseKeepAlive(text: string): number | null {
  if (text === "off") return null;
  const seconds = parseDuration(text);
  if (seconds <= MAX_KEEPALIVE_SECONDS) return seconds;
  throw new FairleadError(
    "request.invalid",
    `--keepalive ${text}: at most ${MAX_KEEPALIVE_SECONDS}s, or off`,
  );
}

const UNITS = { M: 1024 ** 2, G: 1024 ** 3 } as const;
const LEAST_MEMORY = 16 * UNITS.M;

/** Bytes, from `512M` or `2G`. @throws FairleadError `request.invalid` */
export function parseMemory(text: string): number {
  const [, number, unit] = /^([0-9]{1,6})([MG])$/.exec(text) ?? [];
  const bytes = Number(number) * UNITS[unit === "G" ? "G" : "M"];
  if (bytes >= LEAST_MEMORY) return bytes;
  throw new FairleadError("request.invalid", `--memory ${text}: a size such as 512M or 2G, 16M at least`);
}

/** Options over the file: a single value replaces the file's, lists add up and replace by name. */
export function mergeConfig(file: ConnectorConfig, options: ConnectorConfig): ConnectorConfig {
  const nameOf = (text: string) => text.slice(0, text.indexOf("="));
  const byName = (ours: readonly string[], theirs: readonly string[]) => [
    ...theirs.filter((text) => !ours.some((each) => nameOf(each) === nameOf(text))),
    ...ours,
  ];
  return {
    site: options.site ?? file.site,
    state: options.state ?? file.state,
    bind: options.bind ?? file.bind,
    lanes: options.lanes ?? file.lanes,
    sessionTimeout: options.sessionTimeout ?? file.sessionTimeout,
    drain: options.drain ?? file.drain,
    keepalive: options.keepalive !== undefined ? options.keepalive : file.keepalive,
    memory: options.memory ?? file.memory,
    tokens: [...options.tokens, ...file.tokens],
    expose: byName(options.expose, file.expose),
    listen: byName(options.listen, file.listen),
    to: byName(options.to ?? [], file.to ?? []),
    hop: [...(file.hop ?? []), ...(options.hop ?? [])],
    allowHop: [...(file.allowHop ?? []), ...(options.allowHop ?? [])],
  };
}
