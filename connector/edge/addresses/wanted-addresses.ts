/** The addresses that a start of the edge wants: those of its options, else those of the last start. */
import type { EdgeAddresses, FormerAddress } from "../../../protocol/front/former-address.ts";
import { type Address, type Addresses, formatAddress, hostOf, parseAddress } from "./addresses.ts";

export const DEFAULT_API = "127.0.0.1:8443";
export const DEFAULT_GATEWAY = "127.0.0.1:8444";

/** The addresses that options name. Port 0 is the port of the last start, or a free one. */
export interface GivenAddresses {
  readonly api?: Address | undefined;
  readonly gateway?: Address | undefined;
  /** Null for no port of their own; undefined for the usual one. */
  readonly lanes?: Address | null | undefined;
  readonly hostname?: string | undefined;
}

/** What the record of the last start says of addresses. */
export interface LastStart {
  readonly ports: { readonly api: number; readonly links: number; readonly lanes?: number | undefined };
  readonly listen?:
    | { readonly api: string; readonly links: string; readonly lanes: string | null }
    | undefined;
  readonly hostname?: string | undefined;
  readonly urls?: EdgeAddresses | undefined;
  readonly former?: readonly FormerAddress[] | undefined;
}

export interface WantedAddresses {
  readonly addresses: Addresses;
  /** The name in URLs and the certificate; undefined for the host of each address. */
  readonly hostname: string | undefined;
}

/** The most former addresses that are kept. */
const MAX_FORMER = 16;

/**
 * The addresses to listen on.
 * @param last null at the first start
 */
export function wantedAddresses(given: GivenAddresses, last: LastStart | null): WantedAddresses {
  const api = given.api ?? lastAddress(last, "api") ?? parseAddress(DEFAULT_API, "--api");
  const gateway = given.gateway ?? lastAddress(last, "links") ?? parseAddress(DEFAULT_GATEWAY, "--gateway");
  return {
    addresses: { api, gateway, lanes: lanesAddress(given, gateway, last) },
    hostname: given.hostname ?? last?.hostname ?? (given.api === undefined ? namedBefore(last) : undefined),
  };
}

/** Records of older versions have no hosts. */
function lastAddress(last: LastStart | null, which: "api" | "links"): Address | null {
  if (last === null) return null;
  const host = last.listen?.[which] ?? parseAddress(DEFAULT_API, "--api").host;
  return { host, port: last.ports[which] };
}

/** The address of lanes: that of the last start where the gateway is as well, else beside the gateway. */
function lanesAddress(given: GivenAddresses, gateway: Address, last: LastStart | null): Address | null {
  if (given.lanes !== undefined) return given.lanes;
  const beside = { host: gateway.host, port: gateway.port === 0 ? 0 : (gateway.port % 65_535) + 1 };
  if (given.gateway !== undefined || last === null) return beside;
  if (last.listen?.lanes === null) return null;
  return { host: last.listen?.lanes ?? gateway.host, port: last.ports.lanes ?? beside.port };
}

/** The name in the URLs of an older version's record, if it is one name and not the default address. */
function namedBefore(last: LastStart | null): string | undefined {
  if (last?.urls === undefined || last.listen !== undefined) return undefined;
  const [api, gateway] = [hostOf(last.urls.api), hostOf(last.urls.links)];
  if (api !== gateway || api === parseAddress(DEFAULT_API, "--api").host) return undefined;
  return api;
}

/**
 * The former addresses after a start.
 * @param present the addresses of this start
 * @param now ms since 1970
 */
export function formerAfter(last: LastStart | null, present: EdgeAddresses, now: number): FormerAddress[] {
  const former = [...(last?.former ?? [])];
  const { urls } = last ?? {};
  if (urls !== undefined && (urls.api !== present.api || urls.links !== present.links)) {
    former.push({ ...urls, until: now });
  }
  return former.slice(-MAX_FORMER);
}

/** The options of `edge start` that listen as the last start did; null where its record does not say. */
export function lastOptions(last: LastStart): readonly string[] | null {
  const { listen, ports, hostname } = last;
  if (listen === undefined) return null;
  const address = (which: "api" | "links") => formatAddress({ host: listen[which], port: ports[which] });
  const name = hostname === undefined ? [] : ["--hostname", hostname];
  return ["--api", address("api"), "--gateway", address("links"), ...name];
}
