/**
 * What proxies before a listener say of the clients behind them, as lists to which each proxy appends (RFC 7239 §4;
 * X-Forwarded-For). The lists are read from the right: the peer is trusted, so its word about the entry before it
 * counts; that entry counts as a proxy only if its address is trusted as well. What stands left of the first address
 * that is not trusted is that client's own claim, and is dropped.
 */
import { isIP } from "node:net";

/** Whether an address is that of a trusted proxy. */
export type IsTrusted = (address: string) => boolean;

/** The entries of X-Forwarded-For that count. @param value of all lines, joined by commas */
export function trustedChain(value: string, isTrusted: IsTrusted): string {
  const entries = value
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  return entries.slice(firstThatCounts(entries, addressOf, isTrusted)).join(", ");
}

/** The elements of Forwarded that count; "" where the field is malformed. @param value of all lines, joined by commas */
export function trustedElements(value: string, isTrusted: IsTrusted): string {
  if (!WELL_FORMED.test(value)) return "";
  const elements = (value.match(ELEMENT) ?? [])
    .map((element) => element.trim())
    .filter((element) => element !== "");
  return elements.slice(firstThatCounts(elements, forOf, isTrusted)).join(", ");
}

/** Text without an open quote. */
const WELL_FORMED = /^(?:[^"\\]|"(?:[^"\\]|\\.)*")*$/;
/** What stands between commas, apart from those in quotes. */
const ELEMENT = /(?:[^",]|"(?:[^"\\]|\\.)*")+/g;
const FOR = /(?:^|;)\s*for=(?:"([^"]*)"|([^;"\s]*))/i;

function firstThatCounts(
  entries: readonly string[],
  addressIn: (entry: string) => string,
  isTrusted: IsTrusted,
): number {
  let first = entries.length - 1;
  while (first > 0 && isTrusted(addressIn(entries[first] ?? ""))) first--;
  return Math.max(0, first);
}

function forOf(element: string): string {
  const [, quoted, plain] = FOR.exec(element) ?? [];
  return addressOf(quoted ?? plain ?? "");
}

/** The address of a node, without its port and brackets; "" where it is none, as in "unknown". */
function addressOf(node: string): string {
  const [, inBrackets] = /^\[([^\]]*)\](?::\d+)?$/.exec(node) ?? [];
  if (inBrackets !== undefined) return isIP(inBrackets) === 6 ? inBrackets : "";
  if (isIP(node) !== 0) return node;
  const [, address = ""] = /^([\d.]+):\d+$/.exec(node) ?? [];
  return isIP(address) === 4 ? address : "";
}
