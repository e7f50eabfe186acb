/** The hosts that NO_PROXY excludes from the proxy. Programs differ in its form; this is the widest common one. */
import { isIP } from "node:net";
import { AddressRanges } from "./address-ranges.ts";
import type { Destination } from "./destination.ts";

type Exception = (destination: Destination) => boolean;

/**
 * Whether NO_PROXY excludes a destination. Entries are separated by commas or spaces; each is `*`, a name
 * (with its subdomains), `.NAME` or `*.NAME` (subdomains only), an address or a CIDR range, and may end with
 * a port. Names are not resolved.
 */
export function isExcepted(destination: Destination, exceptions: string): boolean {
  const host = destination.host.toLowerCase().replace(/\.$/, "");
  return exceptionsOf(exceptions).some(({ matches }) => matches?.({ host, port: destination.port }) === true);
}

/** The entries of NO_PROXY that match nothing, as they have no known form. */
export function unknownExceptions(exceptions: string): string[] {
  return exceptionsOf(exceptions).flatMap(({ text, matches }) => (matches === null ? [text] : []));
}

function exceptionsOf(exceptions: string): { text: string; matches: Exception | null }[] {
  const entries = exceptions.split(/[,\s]+/).filter((entry) => entry !== "");
  return entries.map((text) => ({ text, matches: parse(text.toLowerCase()) }));
}

function parse(entry: string): Exception | null {
  if (entry === "*") return () => true;
  const { place, port } = split(entry);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  const matches = parsePlace(place);
  if (matches === null) return null;
  return (destination) => (port === null || port === destination.port) && matches(destination);
}

/** Splits off a port. An IPv6 address needs brackets to have one. */
function split(entry: string): { place: string; port: number | null } {
  const bracketed = /^\[([^\]]*)\](\/\d+)?(?::(\d+))?$/.exec(entry);
  if (bracketed !== null) {
    const [, address = "", prefix = "", port] = bracketed;
    return { place: address + prefix, port: port === undefined ? null : Number(port) };
  }
  const [, place = entry, port] = /^([^:]+):(\d+)$/.exec(entry) ?? [];
  return { place, port: port === undefined ? null : Number(port) };
}

function parsePlace(place: string): Exception | null {
  const range = new AddressRanges();
  if (range.add(place)) return ({ host }) => range.has(host);
  if (/[/:]/.test(place)) return null;
  if (place.startsWith("*")) return endsWith(place.slice(1));
  const name = place.replace(/\.$/, "");
  if (name.startsWith(".")) return endsWith(name);
  return (destination) => destination.host === name || endsWith(`.${name}`)(destination);
}

function endsWith(suffix: string): Exception {
  return ({ host }) => isIP(host) === 0 && host.endsWith(suffix);
}
