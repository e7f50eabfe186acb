/** The traffic of a network: totals and rates, and kept records of flows. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { FlowPage, FlowQuery, Traffic, TrafficQuery } from "../../protocol/api/traffic.ts";
import { unwrap } from "../result.ts";
import { openTelemetry } from "../telemetry/stub.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { type Api, type ApiEnv, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["traffic"];

const read = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/traffic"),
  summary: "Show the traffic of a network: totals, and values over time, by sites, service and other labels",
  tags,
  request: { params: NetworkParam, query: TrafficQuery },
  responses: responses(200, Traffic, "The traffic."),
});

const flows = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/flows"),
  summary: "List kept records of flows: errors, and the slowest of each minute; oldest first",
  tags,
  request: { params: NetworkParam, query: FlowQuery },
  responses: responses(200, FlowPage, "The newest records that match."),
});

/**
 * The traffic of the network in the request's path. The types of stubs (@cloudflare/workers-types 4) widen tuples to
 * arrays, so the class has the types.
 */
const telemetryOf = (c: Context<ApiEnv>): Pick<Telemetry, "traffic" | "flows"> =>
  openTelemetry(c.var.config.objects.telemetry, c.var.network.id) as unknown as Telemetry;

export function addTraffic(api: Api): void {
  api.openapi(read, async (c) => {
    const query = c.req.valid("query");
    return c.json(unwrap(await telemetryOf(c).traffic(c.var.network.id, query)), 200);
  });

  api.openapi(flows, async (c) => c.json(unwrap(await telemetryOf(c).flows(c.req.valid("query"))), 200));
}
