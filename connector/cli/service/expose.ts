import { ServiceName } from "../../../protocol/names.ts";
import { parseSites } from "../../config/scope.ts";
import { parseExpose } from "../../config/service-options.ts";
import { siteState } from "../framework/context.ts";
import { argument, command, values } from "../framework/definition.ts";
import { siteStateOption } from "../framework/options.ts";
import { accepting } from "../framework/values.ts";

export const expose = command({
  path: ["expose"],
  summary: "Offer a server of this site to the network, as a service.",
  details:
    "The connector keeps offering the service after a restart, until `fairlead unexpose`. Other sites get a listener for it by themselves. With --to, only the named sites see the service and can use it; the edge and this site's connector both enforce that. To change the sites, expose the service again with the same target: connections of sites that lost access are reset at once, and all others continue. Without --to, the service is for every site. A site named by id is recognised by its certificate. A site named by name is recognised by what the edge says of names.",
  arguments: {
    service: argument(
      "NAME=[HOST:]PORT[/PROTOCOL]",
      "Name of the service, and its target. The default host is 127.0.0.1, the default protocol tcp.",
      parseExpose,
    ),
  },
  options: {
    to: values(
      "--to <SITE,…>",
      "Names or ids of the sites that may use the service. The default is every site.",
      parseSites,
    ),
    state: siteStateOption,
  },
  examples: [
    {
      command: "fairlead expose api=9000/http",
      says: "Offers the server on port 9000 of this machine as api.",
    },
    {
      command: "fairlead expose db=10.0.0.7:5432",
      says: "Offers a server on another machine of this site as db.",
    },
    { command: "fairlead expose db=10.0.0.7:5432 --to east,west", says: "Offers db to two sites alone." },
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
  summary: "Withdraw a service from the network.",
  details:
    "Other sites lose their listeners for it, and no new connection can be opened. Open connections continue until they close.",
  arguments: { name: argument("NAME", "Name of the service.", accepting(ServiceName)) },
  options: { state: siteStateOption },
  examples: [{ command: "fairlead unexpose api", says: "Withdraws the service api of this site." }],
  async run(context, { name, state }) {
    const { ControlClient } = await import("../../control/client.ts");
    await new ControlClient(await siteState(context.io, state)).unexpose(name);
    context.answer({ unexposed: name }, (out) =>
      out.line(`Service "${name}" is no longer offered by this site.`),
    );
  },
});
