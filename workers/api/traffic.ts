/** The traffic of a network: totals and rates, kept records of flows, and metrics for Prometheus. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { FlowPage, FlowQuery, Traffic, TrafficQuery } from "../../protocol/api/traffic.ts";
import { CONTENT_TYPES, exposition, formatOf } from "../../protocol/metrics/exposition.ts";
import { networkFamilies, skupperNetworkFamilies } from "../../protocol/metrics/network-metrics.ts";
import { skupperTrafficFamilies, trafficFamilies } from "../../protocol/metrics/traffic-families.ts";
import { unwrap } from "../result.ts";
import { openTelemetry } from "../telemetry/stub.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { type Api, type ApiEnv, registryOf, responses } from "./context.ts";
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

const text = { schema: z.string() };
const { 200: _, ...errors } = responses(200, z.string(), "");

const metrics = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/metrics"),
  summary: "Show the metrics of a network for Prometheus, by the names of Fairlead or of Skupper",
  tags,
  request: {
    params: NetworkParam,
    query: z.object({ names: z.enum(["fairlead", "skupper"]).default("fairlead") }),
  },
  responses: {
    ...errors,
    200: {
      description:
        "The metrics, in the text format or, where the scraper accepts it, in that of OpenMetrics.",
      content: { [CONTENT_TYPES.text]: text, [CONTENT_TYPES.openmetrics]: text },
    },
  },
});

/**
 * The traffic of the network in the request's path. The types of stubs (@cloudflare/workers-types 4) widen tuples to
 * arrays, so the class has the types.
 */
const telemetryOf = (c: Context<ApiEnv>): Pick<Telemetry, "traffic" | "flows" | "measured"> =>
  openTelemetry(c.var.config.objects.telemetry, c.var.network.id) as unknown as Telemetry;

export function addTraffic(api: Api): void {
  api.openapi(read, async (c) => {
    const query = c.req.valid("query");
    return c.json(unwrap(await telemetryOf(c).traffic(c.var.network.id, query)), 200);
  });

  api.openapi(flows, async (c) => c.json(unwrap(await telemetryOf(c).flows(c.req.valid("query"))), 200));

  api.openapi(metrics, async (c) => {
    const [status, measured] = await Promise.all([
      registryOf(c).status(),
      telemetryOf(c).measured(c.var.network.id),
    ]);
    const { series, reporters } = unwrap(measured);
    const state = { status: unwrap(status), reporters };
    const families =
      c.req.valid("query").names === "skupper"
        ? [...skupperNetworkFamilies(state), ...skupperTrafficFamilies(series)]
        : [...networkFamilies(state), ...trafficFamilies(series)];
    const format = formatOf(c.req.header("accept"));
    return c.body(exposition(families, format), 200, { "content-type": CONTENT_TYPES[format] });
  });
}
