/** The OpenAPI document of the API, generated from the routes and their schemas. */
import { createRoute, z } from "@hono/zod-openapi";
import { version } from "../../package.json";
import { type Api, responses } from "./context.ts";
import { routeAccess } from "./route-access.ts";

const description = createRoute({
  ...routeAccess("get", "/v1/openapi.json"),
  summary: "Show this document",
  tags: ["edge"],
  responses: responses(200, z.looseObject({ openapi: z.string() }), "OpenAPI 3.1."),
});

export function addOpenApi(api: Api): void {
  api.openAPIRegistry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description: "An API key. `x-fairlead-role` of an operation is the least role that the key needs.",
  });
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
    const response = c.body(describe(c.var.config.apiUrl), 200, { "content-type": "application/json" });
    // The route's type asks for the object; the text is its JSON.
    return response as never;
  });
}
