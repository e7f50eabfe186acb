/** What this machine's files say of host names: /etc/hosts, and the search domains of /etc/resolv.conf. */
import { readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import ipaddr from "ipaddr.js";

export interface NameAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** How names are completed. */
export interface SearchRules {
  readonly domains: readonly string[];
  /** Names with as many dots are tried as they are first. */
  readonly ndots: number;
}

/** As many domains as glibc 2.26 and later searches is unlimited; this bounds what one look-up asks. */
const MAX_DOMAINS = 32;
const MAX_NDOTS = 15;
const MAX_NAME = 253;

/** An IP address as it is to be dialled; null when the text is none. */
export function addressOf(text: string): NameAddress | null {
  if (text.includes(":")) return ipaddr.IPv6.isValid(text) ? { address: text, family: 6 } : null;
  return ipaddr.IPv4.isValidFourPartDecimal(text) ? { address: text, family: 4 } : null;
}

/** Addresses by name in lower case, as hosts(5) has them. */
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

/** The search rules of a resolv.conf(5); the last `search` or `domain` counts, and LOCALDOMAIN comes before both. */
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

/** The full names that a name may stand for, in the order in which resolver(5) tries them. */
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

/** Reads the files anew when they have changed. A file that cannot be read is empty. */
export class SystemNames {
  readonly #hosts: () => ReadonlyMap<string, readonly NameAddress[]>;
  readonly #rules: () => SearchRules;

  constructor({ hosts, resolvConf }: SystemFiles = SYSTEM_FILES) {
    this.#hosts = whenChanged(hosts, parseHosts);
    this.#rules = whenChanged(resolvConf, (text) => parseSearchRules(text, process.env, hostname()));
  }

  /** What the hosts file says; null when it does not know the name. `localhost` is known everywhere (RFC 6761). */
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
 * The parsed content of a small file. It is read synchronously, from the page cache: file operations share a thread pool
 * with getaddrinfo, and looking up names must not wait for that.
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
