import { FairleadError } from "../../../protocol/errors.ts";
import { formatDnsAddress, parseDnsAddress, parseDnsDomain } from "../../config/dns-options.ts";
import { RESOLVERS } from "../../dns/resolver-config.ts";
import { siteState } from "../framework/context.ts";
import { argument, command, values } from "../framework/definition.ts";
import { siteStateOption } from "../framework/options.ts";
import { oneOf } from "../framework/values.ts";

export const dnsConfig = command({
  path: ["dns", "config"],
  summary: "Print what a resolver needs to find the network's services by name.",
  details:
    "The text forwards the network's domain, and the zones that the site accepts, to the DNS servers of the site's connector. Standard output has the text alone. With --server and --domain, no connector is asked.",
  arguments: {
    resolver: argument(
      "RESOLVER",
      `Resolver: ${RESOLVERS.slice(0, -1).join(", ")} or ${RESOLVERS.at(-1)}.`,
      oneOf(...RESOLVERS),
    ),
  },
  options: {
    state: siteStateOption,
    servers: values(
      "--server <ADDRESS[:PORT]>",
      "Address of a connector's DNS server. The default is what the connector has.",
      parseDnsAddress,
    ),
    domains: values(
      "--domain <DOMAIN>",
      "Domain to forward. The default is the network's, those of accepted zones, and the reverse zones of --bind.",
      parseDnsDomain,
    ),
  },
  examples: [
    {
      command: "fairlead dns config resolved",
      says: "Prints a drop-in for systemd-resolved, which asks the connector for the network's names only.",
    },
    {
      command: "fairlead dns config unbound --server 127.0.0.1:5300 --domain shop.internal",
      says: "Prints the same for unbound and a connector that does not run yet.",
    },
  ],
  async run(context, { resolver, state, servers, domains }) {
    const { resolverConfig } = await import("../../dns/resolver-config.ts");
    const known = { servers: [...servers], domains: [...domains] };
    if (servers.length === 0 || domains.length === 0) {
      const { ControlClient } = await import("../../control/client.ts");
      const { dns } = await new ControlClient(
        await siteState(context.io, state),
        context.progress.during,
      ).status();
      if (dns === undefined || dns.servers.length === 0) throw new FairleadError("dns.off");
      if (servers.length === 0) known.servers = dns.servers.map(({ address }) => parseDnsAddress(address));
      if (domains.length === 0)
        known.domains = [
          dns.domain,
          ...(dns.accepted ?? []).map(({ domain }) => domain),
          ...(dns.reverse ?? []),
        ];
    }
    const config = resolverConfig(resolver, known.servers, known.domains);
    const answer = { ...config, servers: known.servers.map(formatDnsAddress), domains: known.domains };
    context.answer(answer, (out) => {
      out.raw(config.text);
      const { aside } = context;
      aside.line(`This text belongs into ${config.path}.`);
      for (const note of config.notes) aside.line(note);
      if (config.reload === null) return;
      aside.line("Then run:");
      aside.command(config.reload);
    });
  },
});
