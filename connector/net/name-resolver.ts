/**
 * Looks up host names with c-ares instead of getaddrinfo. getaddrinfo runs on libuv's pool of four threads,
 * where a few names whose DNS server does not answer block all other names and file operations. c-ares
 * queries DNS servers over sockets of the event loop; this module adds the hosts file and the search domains.
 *
 * A name that DNS does not know may be known to another source of the system (mDNS, LDAP). For these,
 * getaddrinfo is called last, for one name at a time, so it occupies at most one thread.
 */
import { promises as dns } from "node:dns";
import type { LookupFunction } from "node:net";
import { networkInterfaces } from "node:os";
import { resolvesWithin, withTimeout } from "../async/timeout.ts";
import { addressOf, type NameAddress, SYSTEM_FILES, type SystemFiles, SystemNames } from "./system-names.ts";

/** A failed look-up; `code` is one of Node's, such as ENOTFOUND or ETIMEOUT. */
export class NameError extends Error {
  readonly code: string;

  constructor(name: string, code: string) {
    super(`${code} ${name}`);
    this.name = "NameError";
    this.code = code;
  }
}

export interface NameResolverOptions {
  /** DNS servers, `ADDRESS:PORT`; the system's servers unless given. */
  readonly servers?: readonly string[];
  readonly files?: SystemFiles;
  /** Called last, for names that DNS does not know; getaddrinfo unless given, nothing if null. */
  readonly fallback?: ((name: string) => Promise<readonly NameAddress[]>) | null;
  /** Time limit of one look-up, ms. */
  readonly timeoutMs?: number;
  /** Most look-ups at once. */
  readonly limit?: number;
  readonly now?: () => number;
}

const TIMEOUT_MS = 5000;

/** Time for a DNS server to answer before it or the next server is queried again, ms. */
const QUERY_MS = 1500;

/** Wait for the other address family once one has answered, ms (RFC 8305 §3 asks for at least 50). */
const FAMILY_MS = 250;

/** Most look-ups at once. Each holds a few descriptors. */
const MAX_LOOKUPS = 256;

/** Most names in the cache. */
const MAX_KNOWN = 1000;

/** Bounds of the TTL from DNS, ms. */
const LEAST_TTL_MS = 1000;
const MOST_TTL_MS = 30_000;
/** Time that an unknown name stays in the cache, ms. */
const UNKNOWN_TTL_MS = 1000;
/** Time that a name without any answer stays in the cache, ms. */
const SILENT_TTL_MS = 5000;

/** Codes for a name that does not exist. The next candidate is tried. */
const ABSENT: readonly string[] = ["ENOTFOUND", "ENODATA", "ESERVFAIL", "EBADNAME", "EREFUSED"];

interface Answer {
  readonly addresses: readonly NameAddress[];
  readonly ttlMs: number;
}

interface Known {
  readonly until: number;
  readonly addresses: readonly NameAddress[];
  readonly error: NameError | null;
}

export class NameResolver {
  readonly #servers: readonly string[] | undefined;
  readonly #names: SystemNames;
  readonly #fallback: ((name: string) => Promise<readonly NameAddress[]>) | null;
  readonly #timeoutMs: number;
  readonly #limit: number;
  readonly #now: () => number;
  /** Look-ups in flight, by name. Concurrent callers share a look-up. */
  readonly #pending = new Map<string, Promise<readonly NameAddress[]>>();
  readonly #known = new Map<string, Known>();
  /** The last call of the fallback in the queue. Calls run one at a time. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: NameResolverOptions = {}) {
    this.#servers = options.servers;
    this.#names = new SystemNames(options.files ?? SYSTEM_FILES);
    this.#fallback = options.fallback === undefined ? systemLookup : options.fallback;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#limit = options.limit ?? MAX_LOOKUPS;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * The addresses of a host, at least one, in the order in which to dial them.
   * @throws NameError ENOTFOUND; ETIMEOUT after `timeoutMs`; EBUSY while too many look-ups are in flight.
   */
  async resolve(host: string): Promise<readonly NameAddress[]> {
    const address = addressOf(host);
    if (address !== null) return [address];
    const name = host.toLowerCase();
    const listed = this.#names.known(name);
    if (listed !== null) return inOrder(listed);
    const known = this.#known.get(name);
    if (known !== undefined && this.#now() < known.until) {
      if (known.error !== null) throw known.error;
      return known.addresses;
    }
    const pending = this.#pending.get(name);
    if (pending !== undefined) return await pending;
    if (this.#pending.size >= this.#limit) throw new NameError(host, "EBUSY");
    const lookup = this.#lookUp(name).finally(() => this.#pending.delete(name));
    this.#pending.set(name, lookup);
    return await lookup;
  }

  /** {@link resolve} as the option `lookup` of `net.connect`. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    const family = options.family === "IPv4" ? 4 : options.family === "IPv6" ? 6 : (options.family ?? 0);
    this.resolve(host)
      .then((all) => {
        const addresses = family === 0 ? all : all.filter((each) => each.family === family);
        const [first] = addresses;
        if (first === undefined) throw new NameError(host, "ENOTFOUND");
        return { addresses: [...addresses], first };
      })
      .then(
        ({ addresses, first }) => {
          if (options.all) callback(null, addresses);
          else callback(null, first.address, first.family);
        },
        (error: NodeJS.ErrnoException) => callback(error, []),
      );
  };

  async #lookUp(name: string): Promise<readonly NameAddress[]> {
    try {
      const { addresses, ttlMs } = await this.#ask(name);
      const inTurn = inOrder(addresses);
      this.#remember(name, inTurn, null, Math.min(MOST_TTL_MS, Math.max(LEAST_TTL_MS, ttlMs)));
      return inTurn;
    } catch (thrown) {
      const error = new NameError(name, codeOf(thrown));
      this.#remember(name, [], error, ABSENT.includes(error.code) ? UNKNOWN_TTL_MS : SILENT_TTL_MS);
      throw error;
    }
  }

  #remember(name: string, addresses: readonly NameAddress[], error: NameError | null, ms: number): void {
    const now = this.#now();
    if (this.#known.size >= MAX_KNOWN) {
      for (const [other, { until }] of this.#known) if (until <= now) this.#known.delete(other);
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    }
    this.#known.set(name, { until: now + ms, addresses, error });
  }

  /** Queries DNS, then calls the fallback, within one time limit. */
  async #ask(name: string): Promise<Answer> {
    const resolver = new dns.Resolver({ timeout: QUERY_MS, tries: 2 });
    if (this.#servers !== undefined) resolver.setServers(this.#servers);
    const late = () => new NameError(name, "ETIMEOUT");
    try {
      return await withTimeout(this.#search(resolver, name), this.#timeoutMs, late);
    } finally {
      resolver.cancel();
    }
  }

  async #search(resolver: dns.Resolver, name: string): Promise<Answer> {
    let code = "ENOTFOUND";
    for (const candidate of this.#names.candidates(name)) {
      try {
        return await query(resolver, candidate);
      } catch (thrown) {
        code = codeOf(thrown);
        if (!ABSENT.includes(code)) break;
      }
    }
    // On Linux getaddrinfo uses the same servers, which did not answer. Other systems may use other sources.
    const ask = this.#fallback;
    if (ask === null || (code === "ETIMEOUT" && process.platform === "linux"))
      throw new NameError(name, code);
    const asked = this.#queue.then(() => ask(name));
    this.#queue = asked.catch(() => {});
    return { addresses: await asked, ttlMs: LEAST_TTL_MS };
  }
}

/** Queries both families of a full name. @throws NameError when neither has an address. */
async function query(resolver: dns.Resolver, name: string): Promise<Answer> {
  const found: Answer[] = [];
  const take = (family: 4 | 6) => (records: readonly { address: string; ttl: number }[]) => {
    found.push({
      addresses: records.map(({ address }) => ({ address, family })),
      ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1000,
    });
  };
  const both = [
    resolver.resolve4(name, { ttl: true }).then(take(4)),
    resolver.resolve6(name, { ttl: true }).then(take(6)),
  ];
  const all = Promise.allSettled(both);
  await Promise.any(both).then(
    () => resolvesWithin(all, FAMILY_MS),
    () => {},
  );
  if (found.length > 0) {
    return {
      addresses: found.flatMap(({ addresses }) => addresses),
      ttlMs: Math.min(...found.map(({ ttlMs }) => ttlMs)),
    };
  }
  const failures = (await all).flatMap((each) => (each.status === "rejected" ? [codeOf(each.reason)] : []));
  throw new NameError(name, failures.find((code) => !ABSENT.includes(code)) ?? failures[0] ?? "ENOTFOUND");
}

async function systemLookup(name: string): Promise<readonly NameAddress[]> {
  const found = await dns.lookup(name, { all: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

/** Orders IPv6 first if this machine has a global IPv6 address, as RFC 6724 does. */
function inOrder(addresses: readonly NameAddress[]): NameAddress[] {
  const first = hasGlobalV6() ? 6 : 4;
  return [...addresses].sort((left, right) => Number(right.family === first) - Number(left.family === first));
}

function hasGlobalV6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(
      ({ family, internal, address }) => family === "IPv6" && !internal && !/^fe[89ab]/i.test(address),
    ),
  );
}

function codeOf(thrown: unknown): string {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && typeof thrown.code === "string") {
    return thrown.code;
  }
  return "ENOTFOUND";
}

/** Resolves the names of targets. */
export const targetNames = new NameResolver();

/** Resolves the edge's names. Separate, so that look-ups of targets never delay them. */
export const edgeNames = new NameResolver();
