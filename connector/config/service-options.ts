/**
 * Options about services, and their forms:
 *
 *     --expose api=127.0.0.1:9000/http    --expose db=5432    --expose web=[::1]:80
 *     --expose web:8080=127.0.0.1:80
 *     --to db=east,west
 *     --listen api=8080                   --listen api=127.5.0.1:8080
 *     --bind 127.0.0.2                    --bind 127.2.0.0/16
 */
import ipaddr from "ipaddr.js";
import { FairleadError } from "../../protocol/errors.ts";
import { Port, ServiceName, ServiceProtocol } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import { type AddressRange, parseAddressRange } from "./address-range.ts";
import { parseSites, type Scope, sameScope } from "./scope.ts";

export const DEFAULT_HOST = "127.0.0.1";

/** A service that a site offers, and its target. */
export interface Exposure {
  readonly name: string;
  /** Host and port of the target. */
  readonly host: string;
  readonly port: number;
  readonly protocol: ServiceProtocol;
  /** The port that the site asks for. Undefined: the service has the port that it has in the network. */
  readonly servicePort?: number | undefined;
  /**
   * The port that the site proposes if it asks for none: that of the first target, where it differs from the
   * target's. So a service that has moved keeps its port, also after a restart.
   */
  readonly firstPort?: number | undefined;
  /** Names or ids of the only sites that may use the service. Undefined: every site may. */
  readonly to?: Scope;
}

/** A value of `--expose`, with its protocol only if the text has one. */
export type ExposeRequest = Omit<Exposure, "protocol"> & { readonly protocol?: ServiceProtocol | undefined };

/** The protocol of a service, unless given. */
export const DEFAULT_PROTOCOL: ServiceProtocol = "tcp";

/** The scope of one service, as `--to` gives it. */
export interface ServiceScope {
  readonly name: string;
  readonly to: readonly string[];
}

/** The local address of one service's listener. Without a host, the listener is at the address that `--bind` gives. */
export interface ListenerAddress {
  readonly name: string;
  readonly host: string | null;
  readonly port: number;
}

/** Where listeners are: all at one address, or each at an address of its own out of a range. */
export type Bind =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "range"; readonly range: AddressRange };

export const DEFAULT_BIND: Bind = { kind: "address", address: DEFAULT_HOST };

/** Parses a value of `--expose`. @throws FairleadError `request.invalid`. */
export function parseExpose(text: string): Exposure {
  const { protocol = DEFAULT_PROTOCOL, ...exposure } = parseExposeRequest(text);
  return { ...exposure, protocol };
}

/** As {@link parseExpose}; a protocol that is not given stays open. @throws FairleadError `request.invalid`. */
export function parseExposeRequest(text: string): ExposeRequest {
  const { name: named, rest } = splitName(text, EXPOSE_FORM);
  const colon = named.indexOf(":");
  const name = parseServiceName(text, colon < 0 ? named : named.slice(0, colon));
  const servicePort = colon < 0 ? undefined : parsePort(text, named.slice(colon + 1), EXPOSE_FORM);
  const slash = rest.lastIndexOf("/");
  const protocol = slash < 0 ? undefined : ServiceProtocol.safeParse(rest.slice(slash + 1));
  if (protocol?.success === false) throw invalid(text, "the protocol must be tcp, http or http2");
  const { host, port } = parseHostPort(text, slash < 0 ? rest : rest.slice(0, slash), EXPOSE_FORM);
  return {
    ...{ name, host: host ?? DEFAULT_HOST, port },
    ...(servicePort === undefined ? {} : { servicePort }),
    ...(protocol === undefined ? {} : { protocol: protocol.data }),
  };
}

/** The port that an offer gives its service if the service has none yet. */
export function proposedPort({ servicePort, firstPort, port }: Exposure): number {
  return servicePort ?? firstPort ?? port;
}

/** The exposure, with the port that the service had before if it asks for none. */
export function keepPort(before: Exposure | undefined, after: Exposure): Exposure {
  if (before === undefined || after.servicePort !== undefined) return after;
  const port = proposedPort(before);
  return { ...after, firstPort: port === after.port ? undefined : port };
}

/** Parses a value of `--to`. @throws FairleadError `request.invalid`. */
export function parseTo(text: string): ServiceScope {
  const { name, rest } = parseName(text, "NAME=SITE,…");
  return { name, to: parseSites(rest) };
}

/** Parses a value of `--listen`. @throws FairleadError `request.invalid`. */
export function parseListen(text: string): ListenerAddress {
  const { name, rest } = parseName(text);
  const { host, port } = parseHostPort(text, rest);
  if (host !== null && !isAddress(host))
    throw invalid(text, "the host must be an IP address of this machine");
  return { name, host, port };
}

/** Parses a value of `--bind`. @throws FairleadError `request.invalid`. */
export function parseBind(text: string): Bind {
  if (isAddress(text)) return { kind: "address", address: text };
  const range = parseAddressRange(text);
  if (range === null) throw invalid(text, "give an IP address, or a range such as 127.2.0.0/16");
  return { kind: "range", range };
}

/** The text that {@link parseBind} parses. */
export function formatBind(bind: Bind): string {
  return bind.kind === "address" ? bind.address : bind.range.text;
}

/** Gives exposures their scopes. @throws FairleadError `request.invalid` when a scope is for none of the exposures. */
export function withScopes(exposures: readonly Exposure[], scopes: readonly ServiceScope[]): Exposure[] {
  const byName = new Map<string, string[]>();
  for (const { name, to } of scopes) {
    if (!exposures.some((exposure) => exposure.name === name)) {
      throw invalid(`${name}=${to.join(",")}`, `a scope needs \`expose\` for ${name}`);
    }
    byName.set(name, [...new Set([...(byName.get(name) ?? []), ...to])]);
  }
  return exposures.map((exposure) => ({ ...exposure, to: byName.get(exposure.name) ?? exposure.to }));
}

/** Whether two exposures of one name have the same target, ask for the same port and have the same scope. */
export function sameExposure(left: Exposure, right: Exposure): boolean {
  return sameTarget(left, right) && left.servicePort === right.servicePort && sameScope(left.to, right.to);
}

/** Whether two exposures have the same target. */
export function sameTarget(left: Exposure, right: Exposure): boolean {
  return left.host === right.host && left.port === right.port && left.protocol === right.protocol;
}

/** "127.1" and "1" are addresses to some programs; here they are mistakes. */
function isAddress(text: string): boolean {
  return text.includes(":") ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text);
}

const LISTEN_FORM = "NAME=[HOST:]PORT";
const EXPOSE_FORM = "NAME[:PORT]=[HOST:]PORT";

function parseName(text: string, form = LISTEN_FORM): { name: string; rest: string } {
  const { name, rest } = splitName(text, form);
  return { name: parseServiceName(text, name), rest };
}

function splitName(text: string, form: string): { name: string; rest: string } {
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid(text, `the form is ${form}`);
  return { name: text.slice(0, equals), rest: text.slice(equals + 1) };
}

const parseServiceName = (text: string, name: string): string =>
  parseWith(ServiceName, name, (why) => invalid(text, why));

/** A host has neither a comma nor an equals sign, which separate further ports and targets. */
function parseHostPort(
  text: string,
  hostPort: string,
  form = LISTEN_FORM,
): { host: string | null; port: number } {
  const match = /^(?:(\[[^\]]+\]|[^:[\]\s/,=]+):)?(\d+)$/.exec(hostPort);
  if (!match) throw invalid(text, `the form is ${form}, with an IPv6 host in brackets`);
  return {
    host: match[1]?.replace(/^\[|\]$/g, "") ?? null,
    port: parsePort(text, match[2] ?? "", form),
  };
}

function parsePort(text: string, digits: string, form: string): number {
  if (!/^\d+$/.test(digits)) throw invalid(text, `the form is ${form}`);
  const port = Port.safeParse(digits.length > 5 ? 0 : Number(digits));
  if (!port.success) throw invalid(text, "a port is a number from 1 to 65535");
  return port.data;
}

/** Callers name the option or the field; the message begins with its value. */
function invalid(text: string, why: string): FairleadError {
  return new FairleadError("request.invalid", `"${text}": ${why}.`);
}
