/** What is published by a hostname, cached in an isolate, so that a flood of requests costs few calls of objects. */

import type { PublishedHostname } from "./registry-calls.ts";

/** How long a network that has a hostname, or that none has it, counts, ms. */
const NETWORK_MS = 1_000;
/** How long what is published by a hostname counts, ms. */
const PUBLISHED_MS = 500;
/** Most hostnames in the table; a full table is emptied. */
const MAX_HOSTNAMES = 10_000;

interface Cached<T> {
  readonly value: T;
  /** ms */
  readonly until: number;
}

export class HostnameCache {
  readonly #networks = new Map<string, Cached<string | null>>();
  readonly #published = new Map<string, Cached<PublishedHostname | null>>();

  /** The id of the network that has a hostname; null without any. */
  network(hostname: string, now: number, lookUp: () => Promise<string | null>): Promise<string | null> {
    return cached(this.#networks, hostname, { now, ms: NETWORK_MS, lookUp });
  }

  /** What is published by a hostname of a network; null when nothing is. */
  published(
    key: string,
    now: number,
    lookUp: () => Promise<PublishedHostname | null>,
  ): Promise<PublishedHostname | null> {
    return cached(this.#published, key, { now, ms: PUBLISHED_MS, lookUp });
  }
}

async function cached<T>(
  table: Map<string, Cached<T>>,
  key: string,
  { now, ms, lookUp }: { now: number; ms: number; lookUp: () => Promise<T> },
): Promise<T> {
  const known = table.get(key);
  if (known !== undefined && known.until > now) return known.value;
  const value = await lookUp();
  if (table.size >= MAX_HOSTNAMES) table.clear();
  table.set(key, { value, until: now + ms });
  return value;
}
