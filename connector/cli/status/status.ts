import { command } from "../framework/definition.ts";
import { networkOption, siteStateOption } from "../framework/options.ts";
import { printNetworkStatus } from "../views/network-status.ts";
import { printSiteStatus } from "../views/site-status.ts";

export const status = command({
  path: ["status"],
  summary: "show how the site or the network is",
  details:
    "With --state or FAIRLEAD_STATE it asks the connector of that site; otherwise it asks the edge you are logged in to, about the whole network.",
  options: { state: siteStateOption, network: networkOption },
  examples: [
    { command: "fairlead status", says: "shows the whole network" },
    { command: "fairlead status --state ./west", says: "shows the site whose connector runs in ./west" },
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
