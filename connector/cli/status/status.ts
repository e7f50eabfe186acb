import { command } from "../framework/definition.ts";
import { networkOption, siteStateOption } from "../framework/options.ts";
import { printNetworkStatus } from "../views/network-status.ts";
import { printSiteStatus } from "../views/site-status.ts";

export const status = command({
  path: ["status"],
  summary: "Show the state of the site or of the network.",
  details:
    "With --state or FAIRLEAD_STATE, the command asks the connector of that site. Otherwise it asks the edge of the login, about the whole network.",
  options: { state: siteStateOption, network: networkOption },
  examples: [
    { command: "fairlead status", says: "Shows the whole network." },
    { command: "fairlead status --state ./west", says: "Shows the site with the state directory ./west." },
  ],
  async run(context, input) {
    const { io } = context;
    const stateDir = input.state ?? (input.network === undefined ? io.env.FAIRLEAD_STATE : undefined);
    if (stateDir) {
      const { ControlClient } = await import("../../control/client.ts");
      const site = await new ControlClient(stateDir).status();
      context.answer(site, (out) => printSiteStatus(out, site, io.now()));
      return;
    }
    const { networkStatus } = await import("../../operator/edge-api.ts");
    const network = await networkStatus(await context.edge(), await context.network(input.network));
    context.answer(network, (out) => printNetworkStatus(out, network, io.now()));
  },
});
