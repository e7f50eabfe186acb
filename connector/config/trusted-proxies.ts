/**
 * The proxies before listeners whose word about their clients counts, as `--trust-proxies` gives them:
 *
 *     --trust-proxies 10.0.0.0/8          --trust-proxies api=10.1.0.5,fd00::/8
 */
import { BlockList, isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { FairleadError } from "../../protocol/errors.ts";
import { ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";

/** The trusted proxies of one service's listeners, or of all listeners. */
export interface TrustedProxyRanges {
  /** The service; {@link ALL_SERVICES} for the listeners of all services. */
  readonly name: string;
  /** Addresses and ranges in CIDR notation. */
  readonly ranges: readonly string[];
}

/** Stands for every service. No service has this name. */
export const ALL_SERVICES = "*";

const FORM = "[NAME=]ADDRESS[/BITS][,…]";

/** Parses a value of `--trust-proxies`. @throws FairleadError `request.invalid`. */
export function parseTrustedProxies(text: string): TrustedProxyRanges {
  const invalid = (why: string) => new FairleadError("request.invalid", `"${text}": ${why}.`);
  const equals = text.indexOf("=");
  const name = equals < 0 ? ALL_SERVICES : parseWith(ServiceName, text.slice(0, equals), invalid);
  const ranges = text.slice(equals + 1).split(",");
  for (const range of ranges) {
    if (!ipaddr.isValidCIDR(range) && isIP(range) === 0) {
      throw invalid(`"${range}" is no address and no range: the form is ${FORM}`);
    }
  }
  return { name, ranges };
}

/** One entry for each name, with the ranges of all its entries. */
export function mergeRanges(entries: readonly TrustedProxyRanges[]): TrustedProxyRanges[] {
  const groups = Map.groupBy(entries, ({ name }) => name);
  return [...groups].map(([name, all]) => ({ name, ranges: all.flatMap(({ ranges }) => ranges) }));
}

/** Whether two entries of one service are the same. */
export function sameTrustedProxies(left: TrustedProxyRanges, right: TrustedProxyRanges): boolean {
  return left.ranges.join() === right.ranges.join();
}

export class TrustedProxies {
  /** By service. */
  #lists: ReadonlyMap<string, BlockList> = new Map();

  constructor(entries: readonly TrustedProxyRanges[] = []) {
    this.set(entries);
  }

  /** Replaces the ranges, for requests from now on. */
  set(entries: readonly TrustedProxyRanges[]): void {
    const lists = new Map<string, BlockList>();
    for (const { name, ranges } of entries) {
      const list = lists.get(name) ?? new BlockList();
      lists.set(name, list);
      for (const range of ranges) add(list, range);
    }
    this.#lists = lists;
  }

  /** Whether an address is that of a trusted proxy before the service's listeners. */
  isTrusted(service: string, address: string): boolean {
    if (this.#lists.size === 0) return false;
    const version = isIP(address);
    if (version === 0) return false;
    const family = version === 4 ? "ipv4" : "ipv6";
    for (const name of [service, ALL_SERVICES]) {
      if (this.#lists.get(name)?.check(address, family) === true) return true;
    }
    return false;
  }
}

function add(list: BlockList, range: string): void {
  const [address = "", bits] = range.split("/");
  const family = isIP(address) === 4 ? "ipv4" : "ipv6";
  if (bits === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(bits), family);
}
