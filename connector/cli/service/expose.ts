import { ServiceName } from "../../../protocol/names.ts";
import { parseSites } from "../../config/scope.ts";
import { parseExpose } from "../../config/service-options.ts";
import { siteState } from "../framework/context.ts";
import { argument, command, values } from "../framework/definition.ts";
import { siteStateOption } from "../framework/options.ts";
import { accepting } from "../framework/values.ts";

export const expose = command({
  path: ["expose"],
  summary: "offer a server of this site to the network, as a service",
  details:
    "The connector keeps offering it after a restart, until `fairlead unexpose`. Other sites get a listener for it without anyone doing anything there. With --to only those sites see the service and can use it; the edge keeps to that, and so does this site's connector. To change it, expose the service again, from the same target: connections of sites that it is for no more are reset at once, all others go on; without --to it is for every site. A site named by its id is recognised by its certificate; which site has which name is the edge's word.",
  arguments: {
    service: argument(
      "NAME=[HOST:]PORT[/PROTOCOL]",
      "service and target; 127.0.0.1 and tcp unless given",
      parseExpose,
    ),
  },
  options: {
    to: values(
      "--to <SITE,…>",
      "offer it to these sites only, by name or id; to all unless given",
      parseSites,
    ),
    state: siteStateOption,
  },
  examples: [
    {
      command: "fairlead expose api=9000/http",
      says: "offers the server on port 9000 of this machine as api",
    },
    { command: "fairlead expose db=10.0.0.7:5432", says: "offers a server elsewhere in this site as db" },
    { command: "fairlead expose db=10.0.0.7:5432 --to east,west", says: "offers it to two sites only" },
  ],
  async run(context, { service, to, state }) {
    const { ControlClient } = await import("../../control/client.ts");
    const sites = [...new Set(to.flat())];
    const exposure = sites.length === 0 ? service : { ...service, to: sites };
    await new ControlClient(await siteState(context.io, state)).expose(exposure);
    const { name, host, port, protocol } = service;
    const at = host.includes(":") ? `[${host}]` : host;
    const only = sites.length === 0 ? "" : `, to ${sites.join(", ")} only`;
    context.answer(exposure, (out) =>
      out.line(`Service "${name}" is offered from ${at}:${port} (${protocol})${only}.`),
    );
  },
});

export const unexpose = command({
  path: ["unexpose"],
  summary: "withdraw a service from the network",
  details:
    "No site sees it any more, and no connection to it can be opened; those that are open go on until they end.",
  arguments: { name: argument("NAME", "name of the service", accepting(ServiceName)) },
  options: { state: siteStateOption },
  examples: [{ command: "fairlead unexpose api", says: "this site offers api no more" }],
  async run(context, { name, state }) {
    const { ControlClient } = await import("../../control/client.ts");
    await new ControlClient(await siteState(context.io, state)).unexpose(name);
    context.answer({ unexposed: name }, (out) =>
      out.line(`Service "${name}" is no longer offered by this site.`),
    );
  },
});
