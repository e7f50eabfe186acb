/**
 * Options about services, and their forms:
 *
 *     --expose api=127.0.0.1:9000/http    --expose db=5432    --expose web=[::1]:80
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

/** A service that a site offers, and its target. The service has the target's port. */
export interface Exposure {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: ServiceProtocol;
  /** Names or ids of the only sites that may use the service. Undefined: every site may. */
  readonly to?: Scope;
}

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
  const { name, rest } = parseName(text);
  const slash = rest.lastIndexOf("/");
  const protocol = ServiceProtocol.safeParse(slash < 0 ? "tcp" : rest.slice(slash + 1));
  if (!protocol.success) throw invalid(text, "the protocol must be tcp, http or http2");
  const { host, port } = parseHostPort(text, slash < 0 ? rest : rest.slice(0, slash));
  return { name, host: host ?? DEFAULT_HOST, port, protocol: protocol.data };
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

/** Whether two exposures of one name have the same target and the same scope. */
export function sameExposure(left: Exposure, right: Exposure): boolean {
  return sameTarget(left, right) && sameScope(left.to, right.to);
}

/** Whether two exposures have the same target. */
export function sameTarget(left: Exposure, right: Exposure): boolean {
  return left.host === right.host && left.port === right.port && left.protocol === right.protocol;
}

/** "127.1" and "1" are addresses to some programs; here they are mistakes. */
function isAddress(text: string): boolean {
  return text.includes(":") ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text);
}

function parseName(text: string, form = "NAME=[HOST:]PORT"): { name: string; rest: string } {
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid(text, `the form is ${form}`);
  const name = parseWith(ServiceName, text.slice(0, equals), (why) => invalid(text, why));
  return { name, rest: text.slice(equals + 1) };
}

function parseHostPort(text: string, hostPort: string): { host: string | null; port: number } {
  const match = /^(?:(\[[^\]]+\]|[^:[\]\s/]+):)?(\d{1,5})$/.exec(hostPort);
  if (!match) throw invalid(text, "the form is NAME=[HOST:]PORT, with an IPv6 host in brackets");
  const port = Port.safeParse(Number(match[2]));
  if (!port.success) throw invalid(text, "a port is a number from 1 to 65535");
  return { host: match[1]?.replace(/^\[|\]$/g, "") ?? null, port: port.data };
}

/** Callers name the option or the field; the message begins with its value. */
function invalid(text: string, why: string): FairleadError {
  return new FairleadError("request.invalid", `"${text}": ${why}.`);
}
