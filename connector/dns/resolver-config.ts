/** What a machine's resolver needs so that it asks a connector for the network's names, and others for all else. */
import { isLoopback } from "../../protocol/dns/address.ts";
import type { DnsAddress } from "../config/dns-options.ts";
import { formatAddress } from "../net/local-socket.ts";

/** The resolvers that a configuration can be printed for. */
export const RESOLVERS = ["coredns", "resolved", "dnsmasq", "unbound", "resolv.conf"] as const;
export type Resolver = (typeof RESOLVERS)[number];

export interface ResolverConfig {
  readonly resolver: Resolver;
  /** The file that the text belongs into, or is added to. */
  readonly path: string;
  readonly text: string;
  /** What the user must know, in sentences. */
  readonly notes: readonly string[];
  /** The command that makes the resolver read the file. */
  readonly reload: string | null;
}

/** @param domains the domain of the network's services, and the zones that the connector answers for beside it, reverse zones last */
export function resolverConfig(
  resolver: Resolver,
  servers: readonly DnsAddress[],
  domains: readonly string[],
): ResolverConfig {
  const { lines, ...rest } = CONFIGS[resolver](servers, domains);
  return { resolver, ...rest, text: `${lines.join("\n")}\n` };
}

type Config = Omit<ResolverConfig, "resolver" | "text"> & { readonly lines: readonly string[] };

const CONFIGS: Readonly<
  Record<Resolver, (servers: readonly DnsAddress[], domains: readonly string[]) => Config>
> = {
  coredns: (servers, domains) => ({
    path: "Corefile",
    lines: [
      `${domains.join(" ")} {`,
      "    errors",
      `    forward . ${servers.map(({ host, port }) => formatAddress(host, port)).join(" ")}`,
      "    cache 5",
      "}",
    ],
    notes: [
      "A server block of its own: the longest domain wins, so the other blocks stay as they are.",
      ...(servers.some(({ host }) => isLoopback(host))
        ? [
            "In a container, CoreDNS has a loopback address of its own: give the connector one that CoreDNS reaches.",
          ]
        : []),
    ],
    reload: null,
  }),
  resolved: (servers, domains) => ({
    path: "/etc/systemd/resolved.conf.d/fairlead.conf",
    lines: [
      "[Resolve]",
      `DNS=${servers.map(({ host, port }) => formatAddress(host, port)).join(" ")}`,
      `Domains=${domains.map((domain) => `~${domain}`).join(" ")}`,
    ],
    notes: [
      "Other names still go to the servers of the network interfaces. If resolved.conf has DNS servers of its own, it would ask these for the network's names too: set them for an interface instead.",
      "With DNSSEC=yes, list the domains in /etc/dnssec-trust-anchors.d/fairlead.negative, one on each line.",
    ],
    reload: "systemctl restart systemd-resolved",
  }),
  dnsmasq: (servers, domains) => ({
    path: "/etc/dnsmasq.d/fairlead.conf",
    lines: domains.flatMap((domain) => [
      ...servers.map(({ host, port }) => `server=/${domain}/${host}#${port}`),
      `rebind-domain-ok=/${domain}/`,
    ]),
    notes: ["rebind-domain-ok permits private addresses in answers where stop-dns-rebind is set."],
    reload: "systemctl restart dnsmasq",
  }),
  unbound: (servers, domains) => ({
    path: "/etc/unbound/unbound.conf.d/fairlead.conf",
    lines: [
      "server:",
      ...(servers.some(({ host }) => isLoopback(host)) ? ["    do-not-query-localhost: no"] : []),
      ...domains.flatMap((domain) => [
        `    local-zone: "${domain}." transparent`,
        `    domain-insecure: "${domain}."`,
        `    private-domain: "${domain}."`,
      ]),
      ...domains.flatMap((domain) => [
        "forward-zone:",
        `    name: "${domain}."`,
        ...servers.map(({ host, port }) => `    forward-addr: ${host}@${port}`),
      ]),
    ],
    notes: [
      "private-domain permits private addresses in answers, and domain-insecure answers without DNSSEC signatures.",
    ],
    reload: "unbound-control reload",
  }),
  "resolv.conf": (servers, domains) => ({
    path: "/etc/resolv.conf",
    lines: [
      ...servers.map(({ host }) => `nameserver ${host}`),
      `search ${domains.filter((domain) => !domain.endsWith(".arpa")).join(" ")}`,
    ],
    notes: [
      "This works where the machine needs no other names: the connector refuses names that are not the network's.",
      "A second nameserver does not add the other names. musl asks all servers at once and takes the first answer, also that a name does not exist; glibc asks the second one only after the first. Use a resolver with a forward rule instead: coredns, resolved, dnsmasq or unbound.",
      ...(servers.some(({ port }) => port !== 53)
        ? ["resolv.conf has no ports: give the connector port 53, as in --dns 127.0.0.2."]
        : []),
    ],
    reload: null,
  }),
};
