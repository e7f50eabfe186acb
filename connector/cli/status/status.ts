import { findings } from "../../../protocol/diagnosis/findings.ts";
import { summary } from "../../../protocol/diagnosis/summary.ts";
import { command } from "../framework/definition.ts";
import { networkOption, siteStateOption } from "../framework/options.ts";
import { printNetworkStatus } from "../views/network-status.ts";
import { printSiteStatus } from "../views/site-status.ts";

export const status = command({
  path: ["status"],
  summary: "Show the state of the site or of the network, what is broken, and what to do about it.",
  details:
    "With --state or FAIRLEAD_STATE, the command asks the connector of that site. Otherwise it asks the edge of the login, about the whole network. With --json, the answer also has the console's URL, what is broken, and which sites report their traffic. The exit code does not depend on what is broken; `fairlead check` is for that.",
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
      const site = await new ControlClient(stateDir, context.progress.during).status();
      context.answer(site, (out) => printSiteStatus(out, site, io.now()));
      return;
    }
    const { consoleUrl, networkStatus, recentTraffic } = await import("../../operator/edge-api.ts");
    const edge = await context.edge();
    const name = await context.network(input.network);
    const [network, url, traffic] = await Promise.all([
      networkStatus(edge, name),
      consoleUrl(edge),
      recentTraffic(edge, name),
    ]);
    const found = findings(network, { now: io.now(), traffic });
    const telemetry = traffic === undefined ? null : { since: traffic.since, reporters: traffic.reporters };
    const answer = { ...network, summary: summary(network, found), findings: found, telemetry, console: url };
    context.answer(answer, (out) => printNetworkStatus(out, network, { found, url, now: io.now() }));
  },
});
