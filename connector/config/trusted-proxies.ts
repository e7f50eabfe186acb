/**
 * The proxies before listeners whose word about their clients counts, as `--trust-proxies` gives them:
 *
 *     --trust-proxies 10.0.0.0/8          --trust-proxies api=10.1.0.5,fd00::/8
 */
import { FairleadError } from "../../protocol/errors.ts";
import { ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import { AddressRanges } from "../net/address-ranges.ts";

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
    if (!new AddressRanges().add(range)) {
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
  #lists: ReadonlyMap<string, AddressRanges> = new Map();

  constructor(entries: readonly TrustedProxyRanges[] = []) {
    this.set(entries);
  }

  /** Replaces the ranges, for requests from now on. */
  set(entries: readonly TrustedProxyRanges[]): void {
    const lists = new Map<string, AddressRanges>();
    for (const { name, ranges } of entries) {
      const list = lists.get(name) ?? new AddressRanges();
      lists.set(name, list);
      for (const range of ranges) list.add(range);
    }
    this.#lists = lists;
  }

  /** Whether an address is that of a trusted proxy before the service's listeners. */
  isTrusted(service: string, address: string): boolean {
    if (this.#lists.size === 0) return false;
    return [service, ALL_SERVICES].some((name) => this.#lists.get(name)?.has(address) === true);
  }
}
