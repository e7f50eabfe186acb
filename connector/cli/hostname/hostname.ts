import { HostnamePattern } from "../../../protocol/hostnames.ts";
import { argument, command } from "../framework/definition.ts";
import { relativeTime } from "../framework/duration.ts";
import { networkOption } from "../framework/options.ts";
import { accepting } from "../framework/values.ts";

const pattern = argument(
  "HOSTNAME",
  "Hostname such as shop.example.com, or a pattern such as *.example.com for every name with one more label.",
  accepting(HostnamePattern),
);

export const hostnameAdd = command({
  path: ["hostname", "add"],
  summary: "Grant a hostname to the network, for services that are published.",
  details:
    "A hostname belongs to one network: the first that was granted it keeps it. A name of its own comes before a pattern that matches it. DNS must lead the hostname to the edge's door. It needs the role admin.",
  arguments: { pattern },
  options: { network: networkOption },
  examples: [
    {
      command: "fairlead hostname add shop.example.com",
      says: "Lets the connectors of the network publish a service at shop.example.com.",
    },
    {
      command: "fairlead hostname add '*.example.com'",
      says: "The same for every hostname directly below example.com.",
    },
  ],
  async run(context, { pattern: hostname, network: named }) {
    const { grantHostname } = await import("../../operator/edge-api.ts");
    const network = await context.network(named);
    const granted = await grantHostname(await context.edge(), network, hostname);
    context.answer(granted, (out) => {
      out.line(`Network "${network}" has the hostname ${granted.pattern}.`);
      out.line(
        `Next: \`fairlead connector run --expose web=80/http --ingress web=${example(granted.pattern)}\``,
      );
    });
  },
});

export const hostnameList = command({
  path: ["hostname", "list"],
  summary: "List the hostnames of the network, and what is published by them.",
  options: { network: networkOption },
  examples: [{ command: "fairlead hostname list", says: "Lists hostnames, services and sites." }],
  async run(context, { network: named }) {
    const { listHostnames } = await import("../../operator/edge-api.ts");
    const network = await context.network(named);
    const hostnames = await listHostnames(await context.edge(), network);
    const now = context.io.now();
    context.answer(hostnames, (out) => {
      if (hostnames.length === 0) {
        return out.line("There are no hostnames. `fairlead hostname add HOSTNAME` grants one.");
      }
      out.table(
        ["HOSTNAME", "GRANTED", "PUBLISHED", "SERVICE", "ACCESS", "SITES"],
        hostnames.flatMap(({ pattern: granted, grantedAt, published }) => {
          const first = [granted, relativeTime(grantedAt, now)];
          if (published.length === 0) return [[...first, "-", "", "", ""]];
          return published.map(({ hostname, service, access, sites }, index) => [
            ...(index === 0 ? first : ["", ""]),
            ...[hostname, service, access, sites.join(", ")],
          ]);
        }),
      );
    });
  },
});

export const hostnameRemove = command({
  path: ["hostname", "remove"],
  summary: "Take a hostname from the network.",
  details:
    "What is published by it is unreachable at once, requests in progress end, and its keys are deleted. It needs the role admin.",
  arguments: { pattern },
  options: { network: networkOption },
  examples: [
    {
      command: "fairlead hostname remove shop.example.com",
      says: "Ends what the network publishes at shop.example.com.",
    },
  ],
  async run(context, { pattern: hostname, network: named }) {
    const { withdrawHostname } = await import("../../operator/edge-api.ts");
    const network = await context.network(named);
    const withdrawn = await withdrawHostname(await context.edge(), network, hostname);
    context.answer(withdrawn, (out) => {
      out.line(`Network "${network}" no longer has the hostname ${withdrawn.pattern}.`);
    });
  },
});

/** A hostname of a pattern. */
const example = (granted: string): string => (granted.startsWith("*.") ? `web${granted.slice(1)}` : granted);
