import { siteState } from "../framework/context.ts";
import { command } from "../framework/definition.ts";
import { networkOption, siteStateOption } from "../framework/options.ts";
import { printServices, printSiteServices } from "../views/services.ts";
import { trafficOf } from "../views/traffic.ts";

export const serviceList = command({
  path: ["service", "list"],
  summary: "List the services of a network, with their health and their traffic.",
  details: "Traffic is that of the last 15 minutes; an edge that does not count it shows none.",
  options: { network: networkOption },
  examples: [{ command: "fairlead service list", says: "Lists the services and the sites that offer them." }],
  async run(context, input) {
    const { listServices, recentTraffic } = await import("../../operator/edge-api.ts");
    const network = await context.network(input.network);
    const edge = await context.edge();
    const [services, traffic] = await Promise.all([
      listServices(edge, network),
      recentTraffic(edge, network),
    ]);
    const answer = services.map((service) => ({ ...service, ...trafficOf(service.name, traffic) }));
    context.answer(answer, (out) => {
      if (services.length > 0) return printServices(out, services, traffic);
      out.line(`There are no services in network "${network}".`);
      out.line("At a site, `fairlead expose NAME=PORT` offers one.");
    });
  },
});

export const serviceStatus = command({
  path: ["service", "status"],
  summary: "Show the services that this site offers, publishes and sees.",
  options: { state: siteStateOption },
  examples: [
    {
      command: "fairlead service status",
      says: "Shows the addresses of the services at this site, which targets are down, and which hostnames are refused, and why.",
    },
  ],
  async run(context, input) {
    const { ControlClient } = await import("../../control/client.ts");
    const services = await new ControlClient(
      await siteState(context.io, input.state),
      context.progress.during,
    ).services();
    context.answer(services, (out) => printSiteServices(out, services, context.io.now()));
  },
});
