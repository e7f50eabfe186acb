/** The API about itself: whether it is there, and its description. */
import { createRoute, z } from "@hono/zod-openapi";
import { version } from "../../package.json";
import { Health } from "../../protocol/api/health.ts";
import { type Api, answers } from "./context.ts";
import { access } from "./route-access.ts";

const health = createRoute({
  ...access("get", "/v1/health"),
  summary: "Whether the edge serves",
  tags: ["edge"],
  responses: answers(200, Health, "It serves."),
});

const description = createRoute({
  ...access("get", "/v1/openapi.json"),
  summary: "This document",
  tags: ["edge"],
  responses: answers(200, z.looseObject({ openapi: z.string() }), "OpenAPI 3.1."),
});

export function addMeta(api: Api): void {
  api.openAPIRegistry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description: "An API key. `x-fairlead-role` of an operation is the least role that its key needs.",
  });
  api.openapi(health, (c) => c.json({ status: "ok" as const, version }, 200));
  // Made once for each isolate: it depends on the code and the API's address only.
  let made: { readonly url: string; readonly text: string } | null = null;
  const describe = (url: string): string => {
    if (made?.url === url) return made.text;
    const document = api.getOpenAPI31Document({
      openapi: "3.1.0",
      info: {
        title: "Fairlead",
        version,
        description: "Networks, tokens, sites, services, status and events.",
      },
      servers: [{ url }],
    });
    made = { url, text: JSON.stringify({ ...document, openapi: "3.1.0" }) };
    return made.text;
  };
  api.openapi(description, (c) => {
    const answer = c.body(describe(c.var.config.apiUrl), 200, { "content-type": "application/json" });
    // Text that was JSON: the route's type asks for the object.
    return answer as never;
  });
}
