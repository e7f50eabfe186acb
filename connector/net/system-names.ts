/** Host names in this machine's files: /etc/hosts, and the search domains of /etc/resolv.conf. */
import { readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import ipaddr from "ipaddr.js";

export interface NameAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** The rules for completing names. */
export interface SearchRules {
  readonly domains: readonly string[];
  /** Names with at least this many dots are first tried unchanged. */
  readonly ndots: number;
}

/** Bounds the queries of one look-up. glibc 2.26 and later search any number of domains. */
const MAX_DOMAINS = 32;
/** Largest ndots of resolv.conf(5). */
const MAX_NDOTS = 15;
/** Longest name in DNS, characters. */
const MAX_NAME = 253;

/** The IP address in a text; null if the text is no IP address. */
export function addressOf(text: string): NameAddress | null {
  if (text.includes(":")) return ipaddr.IPv6.isValid(text) ? { address: text, family: 6 } : null;
  return ipaddr.IPv4.isValidFourPartDecimal(text) ? { address: text, family: 4 } : null;
}

/** Reads a hosts(5) file: addresses by name in lower case. */
export function parseHosts(text: string): ReadonlyMap<string, readonly NameAddress[]> {
  const hosts = new Map<string, NameAddress[]>();
  for (const line of text.split("\n")) {
    const [first = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const address = addressOf(first);
    if (address === null) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      hosts.set(key, [...(hosts.get(key) ?? []), address]);
    }
  }
  return hosts;
}

/**
 * Reads the search rules of a resolv.conf(5) file. The last `search` or `domain` counts; LOCALDOMAIN
 * overrides both.
 */
export function parseSearchRules(
  text: string,
  env: Readonly<Record<string, string | undefined>> = {},
  host = "",
): SearchRules {
  const dot = host.indexOf(".");
  let domains = dot < 0 ? [] : [host.slice(dot + 1)];
  let options: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "search" || keyword === "domain") domains = values;
    if (keyword === "options") options = [...options, ...values];
  }
  const local = env.LOCALDOMAIN?.trim();
  if (local) domains = local.split(/\s+/);
  options = [...options, ...(env.RES_OPTIONS?.trim().split(/\s+/) ?? [])];
  let ndots = 1;
  for (const option of options) {
    const match = /^ndots:(\d+)$/.exec(option);
    if (match) ndots = Math.min(Number(match[1]), MAX_NDOTS);
  }
  const named = domains.map((domain) => domain.replace(/\.$/, "")).filter((domain) => domain !== "");
  return { domains: named.slice(0, MAX_DOMAINS), ndots };
}

/** The full names to try for a name, in the order of resolver(5). */
export function candidates(name: string, { domains, ndots }: SearchRules): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const completed = domains.map((domain) => `${name}.${domain}`).filter(({ length }) => length <= MAX_NAME);
  const dots = name.split(".").length - 1;
  return dots >= ndots ? [name, ...completed] : [...completed, name];
}

export interface SystemFiles {
  readonly hosts: string;
  readonly resolvConf: string;
}

export const SYSTEM_FILES: SystemFiles = { hosts: "/etc/hosts", resolvConf: "/etc/resolv.conf" };

/**
 * Names from the files, which are read again when they change. A file that cannot be read counts as empty.
 */
export class SystemNames {
  readonly #hosts: () => ReadonlyMap<string, readonly NameAddress[]>;
  readonly #rules: () => SearchRules;

  constructor({ hosts, resolvConf }: SystemFiles = SYSTEM_FILES) {
    this.#hosts = whenChanged(hosts, parseHosts);
    this.#rules = whenChanged(resolvConf, (text) => parseSearchRules(text, process.env, hostname()));
  }

  /**
   * Addresses of a name in the hosts file; null if it has none. `localhost` always has addresses (RFC 6761).
   */
  known(name: string): readonly NameAddress[] | null {
    const key = name.toLowerCase().replace(/\.$/, "");
    const found = this.#hosts().get(key);
    if (found !== undefined) return found;
    if (key !== "localhost" && !key.endsWith(".localhost")) return null;
    return [
      { address: "127.0.0.1", family: 4 },
      { address: "::1", family: 6 },
    ];
  }

  candidates(name: string): string[] {
    return candidates(name, this.#rules());
  }
}

/**
 * The parsed content of a small file, read again when it changes. The read is synchronous: asynchronous reads
 * would wait in the thread pool that getaddrinfo uses.
 */
function whenChanged<T>(path: string, parse: (text: string) => T): () => T {
  let version = "";
  let parsed = parse("");
  return () => {
    try {
      const { mtimeMs, size, ino } = statSync(path);
      const now = `${mtimeMs} ${size} ${ino}`;
      if (now !== version) parsed = parse(readFileSync(path, "utf8"));
      version = now;
    } catch {
      parsed = parse("");
      version = "";
    }
    return parsed;
  };
}
