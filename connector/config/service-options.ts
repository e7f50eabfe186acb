/**
 * The options --expose, --to, --listen and --bind, and their forms:
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
import { parseSites, type Scope } from "./scope.ts";

export const DEFAULT_HOST = "127.0.0.1";

/** What a site offers: a service and its target. The service's port is the target's. */
export interface Exposure {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: ServiceProtocol;
  /** Names or ids of the only sites that may use it; all unless given. */
  readonly to?: Scope;
}

/** The only sites that a service is offered to. */
export interface ScopeOf {
  readonly name: string;
  readonly to: readonly string[];
}

/** Where one service's listener shall be; without a host, at the address that --bind gives. */
export interface ListenAt {
  readonly name: string;
  readonly host: string | null;
  readonly port: number;
}

export type Bind =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "range"; readonly range: AddressRange };

/** @throws FairleadError `request.invalid`. */
export function parseExpose(text: string): Exposure {
  const { name, rest } = parseName("--expose", text);
  const slash = rest.lastIndexOf("/");
  const protocol = ServiceProtocol.safeParse(slash < 0 ? "tcp" : rest.slice(slash + 1));
  if (!protocol.success) throw invalid("--expose", text, "the protocol is one of tcp, http, http2");
  const { host, port } = parseHostPort("--expose", text, slash < 0 ? rest : rest.slice(0, slash));
  return { name, host: host ?? DEFAULT_HOST, port, protocol: protocol.data };
}

/** @throws FairleadError `request.invalid`. */
export function parseTo(text: string): ScopeOf {
  const { name, rest } = parseName("--to", text, "NAME=SITE,…");
  try {
    return { name, to: parseSites(rest) };
  } catch (thrown) {
    throw invalid("--to", text, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** Exposures with the scopes that are given for them. @throws FairleadError `request.invalid` when one is for none of them. */
export function withScopes(exposures: readonly Exposure[], scopes: readonly ScopeOf[]): Exposure[] {
  const byName = new Map<string, string[]>();
  for (const { name, to } of scopes) {
    if (!exposures.some((exposure) => exposure.name === name)) {
      throw invalid("--to", `${name}=${to.join(",")}`, `there is no --expose ${name}=…`);
    }
    byName.set(name, [...new Set([...(byName.get(name) ?? []), ...to])]);
  }
  return exposures.map((exposure) => {
    const to = byName.get(exposure.name);
    return to === undefined ? exposure : { ...exposure, to };
  });
}

/** @throws FairleadError `request.invalid`. */
export function parseListen(text: string): ListenAt {
  const { name, rest } = parseName("--listen", text);
  const { host, port } = parseHostPort("--listen", text, rest);
  if (host !== null && !isAddress(host)) {
    throw invalid("--listen", text, "the host is an IP address of this machine");
  }
  return { name, host, port };
}

/** @throws FairleadError `request.invalid`. */
export function parseBind(text: string): Bind {
  if (isAddress(text)) {
    return { kind: "address", address: text };
  }
  const range = parseAddressRange(text);
  if (range === null) throw invalid("--bind", text, "give an IP address, or a range such as 127.2.0.0/16");
  return { kind: "range", range };
}

/** "127.1" and "1" are addresses to some; here they are mistakes. */
function isAddress(text: string): boolean {
  return text.includes(":") ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text);
}

function parseName(option: string, text: string, form = "NAME=[HOST:]PORT"): { name: string; rest: string } {
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid(option, text, `the form is ${form}`);
  const name = parseWith(ServiceName, text.slice(0, equals), (why) => invalid(option, text, why));
  return { name, rest: text.slice(equals + 1) };
}

function parseHostPort(
  option: string,
  text: string,
  hostPort: string,
): { host: string | null; port: number } {
  const match = /^(?:(\[[^\]]+\]|[^:[\]\s/]+):)?(\d{1,5})$/.exec(hostPort);
  if (!match) throw invalid(option, text, "the form is NAME=[HOST:]PORT; an IPv6 host stands in brackets");
  const port = Port.safeParse(Number(match[2]));
  if (!port.success) throw invalid(option, text, "a port is 1 to 65535");
  return { host: match[1]?.replace(/^\[|\]$/g, "") ?? null, port: port.data };
}

function invalid(option: string, text: string, why: string): FairleadError {
  return new FairleadError("request.invalid", `${option} ${text}: ${why}`);
}
