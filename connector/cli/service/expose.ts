import { ServiceName } from "../../../protocol/names.ts";
import { parseHealth } from "../../config/health-options.ts";
import { parseSites } from "../../config/scope.ts";
import { type ExposeRequest, firstTarget, parseExposeRequest } from "../../config/service-options.ts";
import type { ExposeRequest as ExposeBody, ExposedService } from "../../control/schema.ts";
import { formatAddress } from "../../net/local-socket.ts";
import { siteState } from "../framework/context.ts";
import { argument, command, values } from "../framework/definition.ts";
import { siteStateOption } from "../framework/options.ts";
import type { Printer } from "../framework/printer.ts";
import { accepting } from "../framework/values.ts";
import { portsOf } from "../views/services.ts";

export const expose = command({
  path: ["expose"],
  summary: "Offer a server of this site to the network, as a service, or move a service to another server.",
  details:
    "The connector keeps offering the service after a restart, until `fairlead unexpose`. Other sites get a listener for it by themselves. A service has the same ports in the whole network, at which these listeners are. The first site that offers the service sets them: PORT after the name, or else the port of its target. A site that shares a port with the service may serve a part of its ports, and may add others. A site that names only other ports is refused while any other instance offers the service; `fairlead service status` shows that. With --to, only the named sites see the service and can use it; the edge and this site's connector both enforce that. A value names every port and every target that the service is to have. Expose the service again with another target to move it: new connections go to the new target, open ones stay with the old one, and the service keeps its port, protocol and sites. To change the sites, expose it again with the same target: connections of sites that lost access are reset at once, and all others continue. Without --to, the service is then for every site. A service whose target has no server yet is offered all the same, with a warning. A site named by id is recognised by its certificate. A site named by name is recognised by what the edge says of names.",
  arguments: {
    service: argument(
      "NAME[:PORT]=[HOST:]PORT[/PROTOCOL][,…]",
      "Name of the service, its port in the network, and its target. The default host is 127.0.0.1, the default protocol tcp; others are http, http2, grpc and udp. After a comma follows another target as [HOST:]PORT, or another port as PORT=[HOST:]PORT[/PROTOCOL].",
      parseExposeRequest,
    ),
  },
  options: {
    to: values(
      "--to <SITE,…>",
      "Names or ids of the sites that may use the service. The default is every site.",
      parseSites,
    ),
    health: values(
      "--health <[PORT=]CHECK>",
      "Check the targets of the service, or of one port of it, at intervals, in place of the checks of the connector's configuration. CHECK is as of `fairlead connector run --health`: tcp, http:PATH, grpc, grpc:SERVICE or off, and settings after it. The default is the former checks.",
      parseServiceCheck,
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
    {
      command: "fairlead expose web:8080=127.0.0.1:3000",
      says: "Offers the server on port 3000 as web, which other sites reach at port 8080.",
    },
    {
      command: "fairlead expose shop:8080=127.0.0.1:80/http,9090=127.0.0.1:9100",
      says: "Offers two servers as the ports 8080 and 9090 of shop.",
    },
    {
      command: "fairlead expose api=10.0.0.1:80,10.0.0.2:80/http",
      says: "Offers two servers that do the same as api.",
    },
    {
      command: "fairlead expose api=9000/http --health http:/healthz,interval=10s",
      says: "Offers api as long as its server answers the path with a status from 200 to 399.",
    },
    { command: "fairlead expose db=10.0.0.7:5432 --to east,west", says: "Offers db to two sites alone." },
    {
      command: "fairlead expose db=10.0.0.8:5432",
      says: "Moves db: new connections go to 10.0.0.8, and open ones stay with the former target.",
    },
  ],
  async run(context, { service, to, health, state }) {
    const { ControlClient } = await import("../../control/client.ts");
    const sites = [...new Set(to.flat())];
    const checks = health.map((of) => of(service.name));
    const request = {
      ...service,
      ...(sites.length === 0 ? {} : { to: sites }),
      ...(checks.length === 0 ? {} : { health: checks }),
    };
    const exposed = await new ControlClient(
      await siteState(context.io, state),
      context.progress.during,
    ).expose(exposeBody(request));
    context.answer(exposed, (out) => printExposed(out, exposed));
  },
});

/** Reads a check of `--health`, and returns its text for a service. @throws FairleadError `request.invalid`. */
function parseServiceCheck(text: string): (service: string) => string {
  const [, port, check = text] = /^(\d+)=(.*)$/.exec(text) ?? [];
  const of = (service: string) => `${port === undefined ? service : `${service}:${port}`}=${check}`;
  parseHealth(of("service"));
  return of;
}

/** The body of a request. An older connector takes the first target of the first port from it. */
function exposeBody({ name, ports, to, health }: ExposeRequest): ExposeBody {
  const [first] = ports;
  if (first === undefined) throw new RangeError("A request to expose a service has no port.");
  const { targets, ...port } = first;
  const isSimple = ports.length === 1 && targets.length === 1;
  return {
    ...{ name, ...firstTarget(first), ...port, to: to && [...to], health: health && [...health] },
    ports: isSimple ? undefined : ports.map((each) => ({ ...each, targets: [...each.targets] })),
  };
}

/** Prints an offered service: its ports and targets, where it has moved from, and whether a server answers. */
function printExposed(out: Printer, exposed: ExposedService): void {
  const { name, to, movedFrom, movedFromAll, configured, warning } = exposed;
  const only = to === undefined ? "" : `, to ${to.join(", ")} only`;
  const [first, ...others] = portsOf(exposed);
  if (first !== undefined && others.length === 0) {
    const { networkPort, targets, protocol } = first;
    const at =
      networkPort === undefined || targets.endsWith(`:${networkPort}`) ? "" : ` at port ${networkPort}`;
    out.line(`Service "${name}" is offered${at} from ${targets} (${protocol})${only}.`);
  } else if (first !== undefined) {
    out.line(`Service "${name}" is offered${only}:`);
    for (const { networkPort, targets, protocol } of [first, ...others]) {
      out.line(`  port ${networkPort ?? "?"} from ${targets} (${protocol})`);
    }
  }
  const former = movedFromAll ?? (movedFrom === undefined ? [] : [movedFrom]);
  if (former.length > 0) {
    const addresses = former.map(({ host, port }) => formatAddress(host, port)).join(", ");
    out.line(`New connections go there; open ones stay with ${addresses}.`);
  }
  if (configured === true) out.line("The next start uses the configuration of the connector again.");
  if (warning === undefined) return;
  out.line(
    out.paint("yellow", `No server answers at the target: ${warning.message ?? ""} (${warning.code})`),
  );
  if (warning.action !== undefined) out.line(`  do: ${warning.action}`);
}

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
    await new ControlClient(await siteState(context.io, state), context.progress.during).unexpose(name);
    context.answer({ unexposed: name }, (out) =>
      out.line(`Service "${name}" is no longer offered by this site.`),
    );
  },
});
