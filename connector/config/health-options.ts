/**
 * The option about the health checks of services, and its forms:
 *
 *     --health api=http:/healthz          --health api=http:/healthz,interval=10s,status=200
 *     --health cart=grpc                  --health cart=grpc:shop.Cart
 *     --health shop:9090=tcp              --health batch=off
 */
import * as z from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import { Port, ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import { MAX_PORTS } from "../../protocol/uplink/messages.ts";
import { parseDuration } from "./duration.ts";

/** How often and how strictly a target is judged. */
export interface HealthRules {
  /** Time between two checks, ms. */
  readonly intervalMs: number;
  /** How long a check may take, ms. */
  readonly timeoutMs: number;
  /** Failures in a row after which a target is down. */
  readonly fall: number;
  /** Successful checks in a row after which a target is up again. */
  readonly rise: number;
}

export const DEFAULT_RULES: HealthRules = { intervalMs: 5000, timeoutMs: 2000, fall: 3, rise: 2 };

/** What a check does. */
export type HealthCheck =
  /** Nothing: the target always counts as up. */
  | { readonly kind: "off" }
  /** Connects. */
  | { readonly kind: "tcp" }
  /** Requests a path, and expects a status of the range. */
  | {
      readonly kind: "http";
      readonly path: string;
      /** The host that the request names; the target's unless given. */
      readonly host?: string;
      readonly status: { readonly from: number; readonly to: number };
    }
  /** Calls grpc.health.v1.Health/Check for a service; for the whole server unless a service is given. */
  | {
      readonly kind: "grpc";
      readonly service?: string;
      /** Whether a server without the health service passes. */
      readonly optional?: true;
    };

/** The health check of one service, as `--health` gives it. */
export interface ServiceHealth extends HealthRules {
  /** The service. */
  readonly name: string;
  /** The only port of the service that the check is for. Undefined: every port without an entry of its own. */
  readonly port?: number | undefined;
  readonly check: HealthCheck;
}

export const HEALTH_FORM = "NAME[:PORT]=tcp|http:PATH|grpc[:SERVICE]|off[,KEY=VALUE…]";

const MAX_COUNT = 100;
/** Most checks that a command gives a service: one for all ports, and one for each. */
const MAX_CHECKS = MAX_PORTS + 1;
/** The longest interval, s. */
const MAX_INTERVAL = 3600;
/** The longest time limit, s. */
const MAX_TIMEOUT = 60;

/** Parses a value of `--health`. @throws FairleadError `request.invalid`. */
export function parseHealth(text: string): ServiceHealth {
  const invalid = (why: string) => new FairleadError("request.invalid", `"${text}": ${why}.`);
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid(`the form is ${HEALTH_FORM}`);
  const [named = "", ports, ...rest] = text.slice(0, equals).split(":");
  if (rest.length > 0) throw invalid(`the form is ${HEALTH_FORM}`);
  const name = parseWith(ServiceName, named, invalid);
  const port = ports === undefined ? undefined : parsePort(ports, invalid);
  const [kind = "", ...settings] = text.slice(equals + 1).split(",");
  const given = new Map<string, string>();
  for (const setting of settings) {
    const at = setting.indexOf("=");
    const key = setting.slice(0, Math.max(0, at));
    if (at < 0) throw invalid(`"${setting}" has no value: give KEY=VALUE`);
    if (given.has(key)) throw invalid(`${key} is given twice`);
    given.set(key, setting.slice(at + 1));
  }
  const take = <T>(key: string, fallback: T, parse: (value: string) => T): T => {
    const value = given.get(key);
    given.delete(key);
    return value === undefined ? fallback : parse(value);
  };
  const check = parseCheck(kind, take, invalid);
  const { intervalMs, timeoutMs, fall, rise } = DEFAULT_RULES;
  const rules: HealthRules =
    check.kind === "off"
      ? DEFAULT_RULES
      : {
          intervalMs: take("interval", intervalMs, (value) =>
            parseSeconds("interval", value, MAX_INTERVAL, invalid),
          ),
          timeoutMs: take("timeout", timeoutMs, (value) =>
            parseSeconds("timeout", value, MAX_TIMEOUT, invalid),
          ),
          fall: take("fall", fall, (value) => parseCount("fall", value, invalid)),
          rise: take("rise", rise, (value) => parseCount("rise", value, invalid)),
        };
  const [unknown] = given.keys();
  if (unknown !== undefined) throw invalid(`${check.kind} has no setting "${unknown}"`);
  return { name, ...(port === undefined ? {} : { port }), check, ...rules };
}

/** The health checks of a service as a command gave them, `NAME[:PORT]=CHECK`. */
export const HealthTexts = z
  .array(z.string().max(1000).refine(isHealth, "is no health check"))
  .max(MAX_CHECKS);

function isHealth(text: string): boolean {
  try {
    parseHealth(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether two checks are the same. */
export function sameHealth(left: ServiceHealth, right: ServiceHealth): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** Tells an entry of the list from others: the service, and the port if it names one. */
export function healthKey({ name, port }: Pick<ServiceHealth, "name" | "port">): string {
  return port === undefined ? name : `${name}:${port}`;
}

type Invalid = (why: string) => FairleadError;
type Take = <T>(key: string, fallback: T, parse: (value: string) => T) => T;

function parseCheck(text: string, take: Take, invalid: Invalid): HealthCheck {
  const colon = text.indexOf(":");
  const kind = colon < 0 ? text : text.slice(0, colon);
  const detail = colon < 0 ? undefined : text.slice(colon + 1);
  if ((kind === "off" || kind === "tcp") && detail === undefined) return { kind };
  if (kind === "grpc") return parseGrpc(detail, invalid);
  if (kind !== "http") throw invalid(`the form is ${HEALTH_FORM}`);
  const path = detail ?? "/";
  // What Node and servers refuse, and a fragment, which is no part of a request.
  if (!/^\/[\x21\x22\x24-\x7e]*$/.test(path)) {
    throw invalid("the path of an http check begins with / and has no spaces, such as http:/healthz");
  }
  const host = take<string | undefined>("host", undefined, (value) => {
    if (/^[A-Za-z0-9.\-_:[\]]{1,253}$/.test(value)) return value;
    throw invalid(`"${value}" is no host`);
  });
  const status = take("status", { from: 200, to: 399 }, (value) => parseStatus(value, invalid));
  return { kind: "http", path, status, ...(host === undefined ? {} : { host }) };
}

function parseGrpc(service: string | undefined, invalid: Invalid): HealthCheck {
  if (service === undefined) return { kind: "grpc" };
  if (/^[A-Za-z0-9_.\-/]{1,253}$/.test(service)) return { kind: "grpc", service };
  throw invalid(`"${service}" is no name of a gRPC service`);
}

function parseStatus(text: string, invalid: Invalid): { from: number; to: number } {
  const [, first, last] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text) ?? [];
  const from = Number(first);
  const to = Number(last ?? first);
  if (first !== undefined && from <= to) return { from, to };
  throw invalid(`status is a status or a range of them, such as 200 or 200-399, not "${text}"`);
}

function parsePort(text: string, invalid: Invalid): number {
  const port = Port.safeParse(/^\d{1,5}$/.test(text) ? Number(text) : 0);
  if (port.success) return port.data;
  throw invalid("a port is a number from 1 to 65535");
}

/** Returns ms. */
function parseSeconds(key: string, text: string, most: number, invalid: Invalid): number {
  try {
    const seconds = parseDuration(text);
    if (seconds <= most) return seconds * 1000;
  } catch {
    // The message below says more.
  }
  throw invalid(`${key} is a duration from 1s to ${most}s, not "${text}"`);
}

function parseCount(key: string, text: string, invalid: Invalid): number {
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MAX_COUNT) return count;
  throw invalid(`${key} is a number from 1 to ${MAX_COUNT}, not "${text}"`);
}
