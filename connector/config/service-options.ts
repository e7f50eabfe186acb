/**
 * Options about services, and their forms:
 *
 *     --expose api=127.0.0.1:9000/http    --expose db=5432    --expose web=[::1]:80
 *     --expose web:8080=127.0.0.1:80
 *     --expose shop:8080=127.0.0.1:80/http,9090=127.0.0.1:9100      (two ports)
 *     --expose api=10.0.0.1:80,10.0.0.2:80/http                     (two targets of one port)
 *     --to db=east,west    --to corp.internal=west
 *     --listen api=8080                   --listen api=127.5.0.1:8080
 *     --listen shop:9090=19090
 *     --bind 127.0.0.2                    --bind 127.2.0.0/16
 */
import ipaddr from "ipaddr.js";
import { ZoneDomain } from "../../protocol/dns/domain-name.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { Port, ServiceName, ServiceProtocol } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import { MAX_PORTS } from "../../protocol/uplink/messages.ts";
import { type AddressRange, parseAddressRange } from "./address-range.ts";
import type { OfferedZone } from "./dns-options.ts";
import { parseSites, type Scope, sameScope } from "./scope.ts";

export const DEFAULT_HOST = "127.0.0.1";

/** An address at which a server of a site answers. */
export interface TargetHost {
  /** A name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A port of a service that a site offers, and its targets. */
export interface ExposedPort {
  /** The port that the site asks for. Undefined: the service has the port that it has in the network. */
  readonly servicePort?: number | undefined;
  /**
   * The port that the site proposes if it asks for none: that of the first target, where it differs from the
   * target's. So a service that has moved keeps its port, also after a restart.
   */
  readonly firstPort?: number | undefined;
  readonly protocol: ServiceProtocol;
  /** Whether the targets speak gRPC: the protocol is http2, and their health is asked over gRPC. */
  readonly grpc?: true | undefined;
  /** At least one, except at a port of a controller's service, which is down without any. */
  readonly targets: readonly TargetHost[];
}

/** A service that a site offers, and its targets. */
export interface Exposure {
  readonly name: string;
  /** At least one. Where there are several, the site asks for each of them. */
  readonly ports: readonly ExposedPort[];
  /** Names or ids of the only sites that may use the service. Undefined: every site may. */
  readonly to?: Scope;
  /** Health checks that a command gave the service, as `--health` has them. They replace those of the configuration. */
  readonly health?: readonly string[] | undefined;
}

/** A port of a request, with its protocol only if the request has one. */
export type RequestedPort = Omit<ExposedPort, "protocol"> & {
  readonly protocol?: ServiceProtocol | undefined;
};

/** A value of `--expose`, with the protocols that the text has. It names all ports of the service. */
export type ExposeRequest = Omit<Exposure, "ports"> & { readonly ports: readonly RequestedPort[] };

/** The protocol of a port, unless given. */
export const DEFAULT_PROTOCOL: ServiceProtocol = "tcp";

/** The scope of one service, or of one zone, as `--to` gives it. */
export interface ServiceScope {
  /** The name of a service, or the domain of a zone, which has a period. */
  readonly name: string;
  readonly to: readonly string[];
}

/** The local address of a service's listener. Without a host, the listener is at the address that `--bind` gives. */
export interface ListenerAddress {
  readonly name: string;
  /**
   * The port of the service that the listener is for. Undefined: the first port, or the only one; then the host is that
   * of the other ports too.
   */
  readonly servicePort?: number | undefined;
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
  const { ports, ...exposure } = parseExposeRequest(text);
  return {
    ...exposure,
    ports: ports.map((port) => ({ ...port, protocol: port.protocol ?? DEFAULT_PROTOCOL })),
  };
}

/** As {@link parseExpose}; a protocol that is not given stays open. @throws FairleadError `request.invalid`. */
export function parseExposeRequest(text: string): ExposeRequest {
  const { name: named, rest } = splitName(text, EXPOSE_FORM);
  const colon = named.indexOf(":");
  const name = parseServiceName(text, colon < 0 ? named : named.slice(0, colon));
  const entries = rest.split(",");
  const ports: OpenPort[] = [
    {
      ...(colon < 0 ? {} : { servicePort: parsePort(text, named.slice(colon + 1), EXPOSE_FORM) }),
      targets: [],
    },
  ];
  for (const entry of entries) {
    const equals = entry.indexOf("=");
    if (equals >= 0)
      ports.push({ servicePort: parsePort(text, entry.slice(0, equals), EXPOSE_FORM), targets: [] });
    addTarget(text, entry.slice(equals + 1), ports.at(-1));
  }
  const requested = checkPorts(text, name, ports);
  return { name, ports: requested };
}

/** A port whose targets are being read. */
interface OpenPort {
  readonly servicePort?: number;
  protocol?: ServiceProtocol;
  grpc?: true;
  readonly targets: TargetHost[];
}

/** The most targets of a port. */
export const MAX_TARGETS = 64;

/** Adds `[HOST:]PORT[/PROTOCOL]` to a port. The protocol of one target is that of all. */
function addTarget(text: string, target: string, port: OpenPort | undefined): void {
  if (port === undefined) return;
  const slash = target.lastIndexOf("/");
  if (slash >= 0) {
    const { protocol, grpc } = parseProtocol(text, target.slice(slash + 1));
    const isOther = port.protocol !== undefined && (port.protocol !== protocol || port.grpc !== grpc);
    if (isOther) throw invalid(text, "the targets of a port have one protocol");
    port.protocol = protocol;
    if (grpc) port.grpc = grpc;
  }
  const { host, port: number } = parseHostPort(
    text,
    slash < 0 ? target : target.slice(0, slash),
    EXPOSE_FORM,
  );
  const added = { host: host ?? DEFAULT_HOST, port: number };
  if (port.targets.some((each) => sameHost(each, added))) throw invalid(text, "a port has each target once");
  if (port.targets.length === MAX_TARGETS) throw invalid(text, `a port has at most ${MAX_TARGETS} targets`);
  port.targets.push(added);
}

function parseProtocol(text: string, name: string): { protocol: ServiceProtocol; grpc?: true } {
  if (name === "grpc") return { protocol: "http2", grpc: true };
  const protocol = ServiceProtocol.safeParse(name);
  if (!protocol.success) throw invalid(text, "the protocol must be tcp, http, http2, grpc or udp");
  return { protocol: protocol.data };
}

function checkPorts(text: string, name: string, ports: readonly OpenPort[]): readonly RequestedPort[] {
  const numbers = ports.map(({ servicePort }) => servicePort);
  if (ports.length > 1 && numbers.includes(undefined)) {
    throw invalid(text, `a service with several ports names each of them, also the first: ${name}:PORT=…`);
  }
  if (new Set(numbers).size < ports.length) throw invalid(text, "a service has each port once");
  if (ports.length > MAX_PORTS) throw invalid(text, `a service has at most ${MAX_PORTS} ports`);
  return ports;
}

/** The first port of an exposure, which clients get that know one port of a service. */
export function firstPort({ ports: [port] }: Exposure): ExposedPort {
  if (port === undefined) throw new RangeError("An exposure has no port.");
  return port;
}

export function firstTarget({ targets: [target] }: Pick<ExposedPort, "targets">): TargetHost {
  if (target === undefined) throw new RangeError("An exposed port has no target.");
  return target;
}

/** The port that an offer gives its service if the service has none yet. */
export function proposedPort(port: ExposedPort): number {
  return port.servicePort ?? port.firstPort ?? firstTarget(port).port;
}

/** The targets of all ports of an exposure. */
export function targetsOf({ ports }: Exposure): readonly TargetHost[] {
  return ports.flatMap(({ targets }) => targets);
}

/** The exposure, with the port that the service had before if it asks for none. */
export function keepPort(before: Exposure | undefined, after: Exposure): Exposure {
  const port = firstPort(after);
  if (before === undefined || after.ports.length > 1 || port.servicePort !== undefined) return after;
  const kept = proposedPort(firstPort(before));
  return { ...after, ports: [{ ...port, firstPort: kept === firstTarget(port).port ? undefined : kept }] };
}

/** Parses a value of `--to`. @throws FairleadError `request.invalid`. */
export function parseTo(text: string): ServiceScope {
  const { name, rest } = splitName(text, "NAME=SITE,…");
  // A service has one label, and a zone two at least.
  const schema = name.includes(".") ? ZoneDomain : ServiceName;
  return { name: parseWith(schema, name, (why) => invalid(text, why)), to: parseSites(rest) };
}

/** Tells an entry of `--listen` from others: the service, and its port if the entry names one. */
export function listenKey({ name, servicePort }: Pick<ListenerAddress, "name" | "servicePort">): string {
  return servicePort === undefined ? name : `${name}:${servicePort}`;
}

/** Parses a value of `--listen`. @throws FairleadError `request.invalid`. */
export function parseListen(text: string): ListenerAddress {
  const { name: named, rest } = splitName(text, LISTEN_FORM);
  const colon = named.indexOf(":");
  const name = parseServiceName(text, colon < 0 ? named : named.slice(0, colon));
  const servicePort = colon < 0 ? undefined : parsePort(text, named.slice(colon + 1), LISTEN_FORM);
  const { host, port } = parseHostPort(text, rest);
  if (host !== null && !isAddress(host))
    throw invalid(text, "the host must be an IP address of this machine");
  return { name, ...(servicePort === undefined ? {} : { servicePort }), host, port };
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

/**
 * Gives exposures and zones their scopes.
 * @throws FairleadError `request.invalid` when a scope is for none of them.
 */
export function withScopes(
  { exposures, zones }: { readonly exposures: readonly Exposure[]; readonly zones: readonly OfferedZone[] },
  scopes: readonly ServiceScope[],
): { readonly exposures: Exposure[]; readonly zones: OfferedZone[] } {
  const offered = new Set([...exposures.map(({ name }) => name), ...zones.map(({ domain }) => domain)]);
  const byName = new Map<string, string[]>();
  for (const { name, to } of scopes) {
    if (!offered.has(name)) {
      const option = name.includes(".") ? "dns-zone" : "expose";
      throw invalid(`${name}=${to.join(",")}`, `a scope needs \`${option}\` for ${name}`);
    }
    byName.set(name, [...new Set([...(byName.get(name) ?? []), ...to])]);
  }
  return {
    exposures: exposures.map((exposure) => ({ ...exposure, to: byName.get(exposure.name) ?? exposure.to })),
    zones: zones.map((zone) => {
      const to = byName.get(zone.domain);
      return to === undefined ? zone : { ...zone, to };
    }),
  };
}

/** Whether two exposures of one name have the same targets, ports, scope and checks. */
export function sameExposure(left: Exposure, right: Exposure): boolean {
  const isSameHealth = left.health?.join("\n") === right.health?.join("\n");
  return samePorts(left, right) && sameScope(left.to, right.to) && isSameHealth;
}

/** Whether two exposures of one name ask for the same ports with the same targets, in the same order. */
export function samePorts(left: Exposure, right: Exposure): boolean {
  return sameList(
    left.ports,
    right.ports,
    (one, other) =>
      one.servicePort === other.servicePort &&
      one.protocol === other.protocol &&
      one.grpc === other.grpc &&
      sameTargets(one.targets, other.targets),
  );
}

/** Whether two lists have the same targets in the same order. */
export function sameTargets(left: readonly TargetHost[], right: readonly TargetHost[]): boolean {
  return left === right || sameList(left, right, sameHost);
}

const sameHost = (left: TargetHost, right: TargetHost): boolean =>
  left.host === right.host && left.port === right.port;

function sameList<T>(left: readonly T[], right: readonly T[], same: (left: T, right: T) => boolean): boolean {
  return (
    left.length === right.length &&
    left.every((each, at) => {
      const other = right[at];
      return other !== undefined && same(each, other);
    })
  );
}

/** "127.1" and "1" are addresses to some programs; here they are mistakes. */
function isAddress(text: string): boolean {
  return text.includes(":") ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text);
}

const LISTEN_FORM = "NAME[:PORT]=[HOST:]PORT";
const EXPOSE_FORM = "NAME[:PORT]=[HOST:]PORT[/PROTOCOL][,…]";

function splitName(text: string, form: string): { name: string; rest: string } {
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid(text, `the form is ${form}`);
  return { name: text.slice(0, equals), rest: text.slice(equals + 1) };
}

const parseServiceName = (text: string, name: string): string =>
  parseWith(ServiceName, name, (why) => invalid(text, why));

/** A host has neither a comma nor an equals sign, which begin further targets and ports. */
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
