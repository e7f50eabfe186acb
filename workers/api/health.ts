/** The health check of the API. */
import { createRoute } from "@hono/zod-openapi";
import { version } from "../../package.json";
import { Health } from "../../protocol/api/health.ts";
import { type Api, responses } from "./context.ts";
import { routeAccess } from "./route-access.ts";

const health = createRoute({
  ...routeAccess("get", "/v1/health"),
  summary: "Check that the edge serves",
  tags: ["edge"],
  responses: responses(200, Health, "The edge serves."),
});

export function addHealth(api: Api): void {
  api.openapi(health, (c) => c.json({ status: "ok" as const, version }, 200));
}
