import type { NetworkStatus } from "../../../protocol/api/status.ts";
import type { Traffic } from "../../../protocol/api/traffic.ts";
import { checkPath, type PathCheck } from "../../../protocol/diagnosis/path-check.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { ServiceName } from "../../../protocol/names.ts";
import type { Status } from "../../control/schema.ts";
import { type Context, siteState } from "../framework/context.ts";
import { argument, command, value } from "../framework/definition.ts";
import { EXIT } from "../framework/exit.ts";
import { networkOption, siteStateOption } from "../framework/options.ts";
import { accepting, someText, wholeNumber } from "../framework/values.ts";
import { checkLocally } from "./local-check.ts";
import { printPathCheck } from "./print-path.ts";

export const check = command({
  path: ["check"],
  summary: "Check the path from a site to a service, and name the step that is broken.",
  details:
    "With a login, the command asks the edge about the whole path: the client's site, its uplink, the links, the site that offers the service, its targets, and the listener. Without --from, the client's site is that of --state, of FAIRLEAD_STATE or the only site on this machine; where there is none, the path from every other site is checked. Without a login, the connector of the site says what it sees. The exit code is 7 when a path is broken.",
  arguments: { service: argument("SERVICE", "Name of the service.", accepting(ServiceName)) },
  options: {
    from: value("--from <SITE>", "The site of the clients.", someText),
    port: value("--port <PORT>", "Port of the service. The default is every port.", wholeNumber(1, 65_535)),
    state: siteStateOption,
    network: networkOption,
  },
  examples: [
    { command: "fairlead check api --from west", says: "Checks the path from site west to service api." },
    {
      command: "fairlead check api",
      says: "Checks the path from the site on this machine, or from every site.",
    },
    {
      command: "fairlead check api --state ./west",
      says: "Checks the path from the site with this state directory.",
    },
  ],
  async run(context, { service, from, port, state, network }) {
    const local = from === undefined || state !== undefined ? await localStatus(context, state) : null;
    const edge = await edgeView(context, network, local);
    if (edge === null && local === null) await context.login();
    const checks = edge === null ? [] : checksOf(edge, { service, port, from: from ?? local?.site.name });
    if (edge === null && local !== null) checks.push(checkLocally(local, service, port));
    context.answer(checks.length === 1 ? checks[0] : checks, (out) => {
      for (const [at, each] of checks.entries()) {
        if (at > 0) out.line();
        printPathCheck(out, each, { now: context.io.now(), isShort: checks.length > 1 });
      }
      if (checks.length === 0) out.line(`No other site can be a client of ${service}.`);
    });
    if (checks.some(({ cause }) => cause !== null)) context.exitCode = EXIT.unhealthy;
  },
});

/** What the connector of a site says; null without one. */
async function localStatus(context: Context, named: string | undefined): Promise<Status | null> {
  const { ControlClient } = await import("../../control/client.ts");
  try {
    return await new ControlClient(await siteState(context.io, named), context.progress.during).status();
  } catch (thrown) {
    // A site that was named is meant; any other is a guess.
    if (named === undefined && thrown instanceof FairleadError) return null;
    throw thrown;
  }
}

interface EdgeView {
  readonly status: NetworkStatus;
  readonly traffic: Traffic | undefined;
}

/** What the edge says of the network; null without a login of use. */
async function edgeView(
  context: Context,
  named: string | undefined,
  local: Status | null,
): Promise<EdgeView | null> {
  const { networkStatus, recentTraffic } = await import("../../operator/edge-api.ts");
  try {
    const edge = await context.edge();
    const network = named ?? local?.network.id ?? (await context.network(undefined));
    const [status, traffic] = await Promise.all([networkStatus(edge, network), recentTraffic(edge, network)]);
    return { status, traffic };
  } catch (thrown) {
    // The site's own connector still has its view.
    if (local !== null && named === undefined && thrown instanceof FairleadError) return null;
    throw thrown;
  }
}

/** The check from one site, or from every site that does not offer the service itself. */
function checksOf(
  { status, traffic }: EdgeView,
  { service, from, port }: { service: string; from: string | undefined; port: number | undefined },
): PathCheck[] {
  if (from !== undefined) return [checkPath(status, from, service, { port, traffic })];
  const offering = new Set(
    status.services.find(({ name }) => name === service)?.sites.map(({ name }) => name) ?? [],
  );
  return status.sites
    .filter(({ state, stopped }) => state === "up" || (state === "down" && stopped !== true))
    .filter(({ name }) => !offering.has(name))
    .map(({ name }) => checkPath(status, name, service, { port, traffic }));
}
