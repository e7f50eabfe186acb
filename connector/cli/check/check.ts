import type { NetworkStatus } from "../../../protocol/api/status.ts";
import type { Traffic } from "../../../protocol/api/traffic.ts";
import { checkPath, type PathCheck } from "../../../protocol/diagnosis/path-check.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { ServiceName } from "../../../protocol/names.ts";
import type { Status } from "../../control/schema.ts";
import { type Context, siteState } from "../framework/context.ts";
import { argument, command, flag, value } from "../framework/definition.ts";
import { EXIT } from "../framework/exit.ts";
import { networkOption, siteStateOption } from "../framework/options.ts";
import { accepting, someText, wholeNumber } from "../framework/values.ts";
import { checkLocally } from "./local-check.ts";
import { type Connection, printConnection, printPathCheck } from "./print-path.ts";

export const check = command({
  path: ["check"],
  summary: "Check the path from a site to a service, and name the step that is broken.",
  details:
    "With a login, the command asks the edge about the whole path: the client's site, its uplink, the links, the site that offers the service, its targets, and the listener. Without --from, the client's site is that of --state, of FAIRLEAD_STATE or the only site on this machine; where there is none, the path from every other site is checked. Without a login, the connector of the site says what it sees. With --connect, the connector of the site on this machine also opens a connection, and closes it once a target has accepted; it carries no byte. The exit code is 7 when a path is broken.",
  arguments: { service: argument("SERVICE", "Name of the service.", accepting(ServiceName)) },
  options: {
    from: value("--from <SITE>", "The site of the clients.", someText),
    port: value("--port <PORT>", "Port of the service. The default is every port.", wholeNumber(1, 65_535)),
    connect: flag(
      "--connect",
      "Also open a connection from the site on this machine, and say where it ended.",
    ),
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
    {
      command: "fairlead check api --connect --state ./west",
      says: "Also opens a connection to a target of api, and says where it ended.",
    },
  ],
  async run(context, { service, from, port, connect, state, network }) {
    const isLocal = from === undefined || state !== undefined || connect;
    const local = isLocal
      ? await localStatus(context, connect ? await siteState(context.io, state) : state)
      : null;
    if (connect && from !== undefined && from !== local?.site.name) {
      throw new FairleadError(
        "request.invalid",
        `--connect opens a connection from a site on this machine, and ${from} is none that --state names.`,
        {
          action: `Run the command where the connector of ${from} runs; --state names its state directory.`,
        },
      );
    }
    const edge = await edgeView(context, network, local);
    if (edge === null && local === null) await context.login();
    const checks = edge === null ? [] : checksOf(edge, { service, port, from: from ?? local?.site.name });
    if (edge === null && local !== null) checks.push(checkLocally(local, service, port));
    const connection = connect
      ? await openConnection(context, { service, port, state: await siteState(context.io, state) })
      : undefined;
    const answers = checks.map((each) => ({ ...each, ...(connection === undefined ? {} : { connection }) }));
    context.answer(answers.length === 1 ? answers[0] : answers, (out) => {
      for (const [at, each] of checks.entries()) {
        if (at > 0) out.line();
        printPathCheck(out, each, { now: context.io.now(), isShort: checks.length > 1 });
      }
      if (checks.length === 0) out.line(`No other site can be a client of ${service}.`);
      if (connection !== undefined) printConnection(out, connection);
    });
    const isRefused = connection !== undefined && "error" in connection;
    if (isRefused || checks.some(({ cause }) => cause !== null)) context.exitCode = EXIT.unhealthy;
  },
});

/** Opens a connection from the site on this machine. A connection that fails is a result. @throws FairleadError connector.unreachable, request.invalid, route.unknown. */
async function openConnection(
  context: Context,
  { service, port, state }: { service: string; port: number | undefined; state: string },
): Promise<Connection> {
  const { ControlClient } = await import("../../control/client.ts");
  try {
    return await new ControlClient(state, context.progress.during).connect({ service, port });
  } catch (thrown) {
    if (!(thrown instanceof FairleadError)) throw thrown;
    if (/^(connector|request|route)\./.test(thrown.code)) throw thrown;
    const { code, message, action } = thrown;
    return { error: { code, message, action } };
  }
}

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
