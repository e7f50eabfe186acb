/**
 * Looks up host names without getaddrinfo. That runs on libuv's pool of four threads, where a few names whose DNS
 * server does not answer hold up every other name and all file operations of the process. c-ares asks the DNS
 * servers over sockets of the event loop instead; the hosts file and the search domains are honoured here.
 *
 * A name that DNS does not know may be known to another source of the system (mDNS, LDAP). So getaddrinfo is asked
 * last, for one name at a time: it never takes more than one of the threads.
 */
import { promises as dns } from "node:dns";
import type { LookupFunction } from "node:net";
import { networkInterfaces } from "node:os";
import { resolvesWithin, withTimeout } from "../async/timeout.ts";
import { addressOf, type NameAddress, SYSTEM_FILES, type SystemFiles, SystemNames } from "./system-names.ts";

/** Why a name has no addresses; `code` is Node's, such as ENOTFOUND or ETIMEOUT. */
export class NameError extends Error {
  readonly code: string;

  constructor(name: string, code: string) {
    super(`${code} ${name}`);
    this.name = "NameError";
    this.code = code;
  }
}

export interface NameResolverOptions {
  /** DNS servers, `ADDRESS:PORT`; those of the system unless given. */
  readonly servers?: readonly string[];
  readonly files?: SystemFiles;
  /** Asked last, for what DNS does not know; nothing is unless given as null. */
  readonly fallback?: ((name: string) => Promise<readonly NameAddress[]>) | null;
  /** For one look-up, ms. */
  readonly timeoutMs?: number;
  /** Names that are looked up at once. */
  readonly limit?: number;
  readonly now?: () => number;
}

const TIMEOUT_MS = 5000;

/** A DNS server's time for an answer before it is asked again, or the next one is, ms. */
const QUERY_MS = 1500;

/** Once addresses of one family are known, those of the other get this long, ms (RFC 8305 §3 asks for 50 at least). */
const FAMILY_MS = 250;

/** Names that are looked up at once. Each holds a few descriptors. */
const MAX_LOOKUPS = 256;

/** Names that are remembered. */
const MAX_KNOWN = 1000;

/** How long an answer is good: what DNS says, within these; and how long the lack of one is, ms. */
const LEAST_MS = 1000;
const MOST_MS = 30_000;
const UNKNOWN_MS = 1000;
const SILENT_MS = 5000;

/** What says that a name does not exist: the next candidate is tried. */
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
  /** Look-ups in flight: one for each name, shared by all who ask. */
  readonly #pending = new Map<string, Promise<readonly NameAddress[]>>();
  readonly #known = new Map<string, Known>();
  /** The last who asks the fallback: there is one at a time. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(options: NameResolverOptions = {}) {
    this.#servers = options.servers;
    this.#names = new SystemNames(options.files ?? SYSTEM_FILES);
    this.#fallback = options.fallback === undefined ? systemLookup : options.fallback;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#limit = options.limit ?? MAX_LOOKUPS;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * The addresses of a host: at least one, in the order in which they are to be dialled.
   * @throws NameError ENOTFOUND; ETIMEOUT after `timeoutMs`; EBUSY when too many names are being looked up.
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

  /** {@link resolve} in the form that `net.connect` takes as `lookup`. */
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
      this.#remember(name, inTurn, null, Math.min(MOST_MS, Math.max(LEAST_MS, ttlMs)));
      return inTurn;
    } catch (thrown) {
      const error = new NameError(name, codeOf(thrown));
      this.#remember(name, [], error, ABSENT.includes(error.code) ? UNKNOWN_MS : SILENT_MS);
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

  /** Asks DNS, then the system, with one deadline for both. */
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
    // Where DNS is silent, getaddrinfo would be as well. Elsewhere the files here are not what the system goes by.
    const ask = this.#fallback;
    if (ask === null || (code === "ETIMEOUT" && process.platform === "linux"))
      throw new NameError(name, code);
    const asked = this.#line.then(() => ask(name));
    this.#line = asked.catch(() => {});
    return { addresses: await asked, ttlMs: LEAST_MS };
  }
}

/** Both families of one full name. @throws Error when neither has an address. */
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

/** IPv6 first where this machine has an address for it, as RFC 6724 would have it. */
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

/** For the names of targets. */
export const targetNames = new NameResolver();

/** For the edge's names, apart from those of targets: however many of these are looked up, the edge's are not held up. */
export const edgeNames = new NameResolver();
