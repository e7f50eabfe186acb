import { ServiceName } from "../../../protocol/names.ts";
import { parseExpose } from "../../services/options.ts";
import { siteState } from "../context.ts";
import { argument, command } from "../definition.ts";
import { siteStateOption } from "../options.ts";
import { accepting } from "../values.ts";

export const expose = command({
  path: ["expose"],
  summary: "offer a server of this site to the network, as a service",
  details:
    "The connector keeps offering it after a restart, until `fairlead unexpose`. Other sites get a listener for it without anyone doing anything there.",
  arguments: {
    service: argument(
      "NAME=[HOST:]PORT[/PROTOCOL]",
      "service and target; 127.0.0.1 and tcp unless given",
      parseExpose,
    ),
  },
  options: { state: siteStateOption },
  examples: [
    {
      command: "fairlead expose api=9000/http",
      says: "offers the server on port 9000 of this machine as api",
    },
    { command: "fairlead expose db=10.0.0.7:5432", says: "offers a server elsewhere in this site as db" },
  ],
  async run(context, { service, state }) {
    const { ControlClient } = await import("../../control/client.ts");
    await new ControlClient(await siteState(context.io, state)).expose(service);
    const at = service.host.includes(":") ? `[${service.host}]` : service.host;
    context.answer(service, (out) =>
      out.line(`Service "${service.name}" is offered from ${at}:${service.port} (${service.protocol}).`),
    );
  },
});

export const unexpose = command({
  path: ["unexpose"],
  summary: "withdraw a service from the network",
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
