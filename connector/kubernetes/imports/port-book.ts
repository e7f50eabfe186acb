/**
 * The listener port of each port of each service of the network. It is the same at every connector of a cluster and
 * after every restart, since Services lead to it.
 */
import { compareText } from "../../../protocol/compare-text.ts";
import { type Transport, transportOf } from "../../../protocol/names.ts";
import type { VisibleService } from "../../../protocol/uplink/messages.ts";
import { hash } from "../../listeners/address-pool.ts";

/** Listener ports by {@link portKey}. */
export type PortBook = ReadonlyMap<string, number>;

/** The first and the last listener port. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Ports of services that are gone and keep their listener port. */
export const MAX_KEPT = 1000;

/** The key of a port, which can be a key of a ConfigMap: `backend.8080.tcp`. */
export const portKey = (service: string, port: number, transport: Transport): string =>
  `${service}.${port}.${transport}`;

/** The keys of a service's ports. */
export const keysOf = ({ name, port, protocol, ports = [{ port, protocol }] }: VisibleService): string[] =>
  ports.map((each) => portKey(name, each.port, transportOf(each.protocol)));

/**
 * Gives each port that is needed a listener port: the one that it has; or else the first free one, from a place that
 * the key alone decides. Ports that are not needed keep theirs, up to {@link MAX_KEPT} and until one is wanted. A port
 * for which nothing is left has none.
 */
export function assignPorts(known: PortBook, needed: readonly string[], range: PortRange): PortBook {
  const taken = new Set<number>();
  const book = new Map<string, number>();
  const keep = (key: string): boolean => {
    const listener = known.get(key);
    if (listener === undefined || !isIn(range, listener) || taken.has(listener)) return false;
    taken.add(listener);
    book.set(key, listener);
    return true;
  };
  const wanted = new Set(needed);
  const fresh = [...wanted].sort(compareText).filter((key) => !keep(key));
  const idle = [...known.keys()]
    .filter((key) => !wanted.has(key))
    .sort(compareText)
    .slice(0, MAX_KEPT)
    .filter(keep);
  for (const key of fresh) {
    const listener = freePort(key, range, taken) ?? release(book, idle.pop());
    if (listener === undefined) break;
    taken.add(listener);
    book.set(key, listener);
  }
  return book;
}

const isIn = ({ from, to }: PortRange, port: number): boolean => port >= from && port <= to;

function freePort(key: string, { from, to }: PortRange, taken: ReadonlySet<number>): number | undefined {
  const count = to - from + 1;
  if (taken.size >= count) return undefined;
  const start = hash(key) % count;
  for (let probe = 0; probe < count; probe++) {
    const port = from + ((start + probe) % count);
    if (!taken.has(port)) return port;
  }
  return undefined;
}

/** Takes a listener port away from a key. */
function release(book: Map<string, number>, key: string | undefined): number | undefined {
  if (key === undefined) return undefined;
  const listener = book.get(key);
  book.delete(key);
  return listener;
}

/** Whether two books say the same. */
export const sameBook = (left: PortBook, right: PortBook): boolean =>
  left.size === right.size && [...left].every(([key, listener]) => right.get(key) === listener);

/** Adds entries of another book, where neither key nor listener port is in the first. */
export function mergeBooks(first: PortBook, second: PortBook): PortBook {
  const taken = new Set(first.values());
  const added = [...second].filter(([key, listener]) => !first.has(key) && !taken.has(listener));
  return new Map([...first, ...new Map(added)]);
}

const KEY = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.[1-9]\d{0,4}\.(tcp|udp)$/;
const LISTENER = /^[1-9]\d{0,4}$/;

/** Reads a book from the data of a ConfigMap. Entries that say nothing, or that repeat a port, are faults. */
export function parseBook(data: Readonly<Record<string, unknown>>): {
  readonly book: PortBook;
  /** Keys, in order. */
  readonly faults: readonly string[];
} {
  const book = new Map<string, number>();
  const taken = new Set<number>();
  const faults: string[] = [];
  for (const [key, value] of Object.entries(data).sort(([left], [right]) => compareText(left, right))) {
    const listener = typeof value === "string" && LISTENER.test(value) ? Number(value) : 0;
    if (!KEY.test(key) || listener === 0 || listener > 65_535 || taken.has(listener)) faults.push(key);
    else {
      taken.add(listener);
      book.set(key, listener);
    }
  }
  return { book, faults };
}

/** Writes a book as the data of a ConfigMap. */
export const bookData = (book: PortBook): Record<string, string> =>
  Object.fromEntries(
    [...book]
      .sort(([left], [right]) => compareText(left, right))
      .map(([key, listener]) => [key, String(listener)]),
  );
