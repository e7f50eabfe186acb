/** The API's health check and its OpenAPI document. */
import { createRoute, z } from "@hono/zod-openapi";
import { version } from "../../package.json";
import { Health } from "../../protocol/api/health.ts";
import { type Api, answers } from "./context.ts";
import { routeAccess } from "./route-access.ts";

const health = createRoute({
  ...routeAccess("get", "/v1/health"),
  summary: "Check that the edge serves",
  tags: ["edge"],
  responses: answers(200, Health, "The edge serves."),
});

const description = createRoute({
  ...routeAccess("get", "/v1/openapi.json"),
  summary: "Show this document",
  tags: ["edge"],
  responses: answers(200, z.looseObject({ openapi: z.string() }), "OpenAPI 3.1."),
});

export function addMeta(api: Api): void {
  api.openAPIRegistry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description: "An API key. `x-fairlead-role` of an operation is the least role that the key needs.",
  });
  api.openapi(health, (c) => c.json({ status: "ok" as const, version }, 200));
  // Built once for each isolate: the document depends on the code and the API's address only.
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
    // The route's type asks for the object; the text is its JSON.
    return answer as never;
  });
}
