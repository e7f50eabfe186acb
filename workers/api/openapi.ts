/** The OpenAPI document of the API, generated from the routes and their schemas. */
import { createRoute, z } from "@hono/zod-openapi";
import { version } from "../../package.json";
import { CONSOLE_COOKIE, CONSOLE_HEADER } from "../../protocol/api/console.ts";
import { TELEMETRY_PATH } from "../../protocol/telemetry/messages.ts";
import { LANE_PATH, TICKET_HEADER, UPLINK_PATH } from "../../protocol/uplink/assertions.ts";
import { type Api, responses } from "./context.ts";
import { routeAccess } from "./route-access.ts";

const description = createRoute({
  ...routeAccess("get", "/v1/openapi.json"),
  summary: "Show this document",
  tags: ["edge"],
  responses: responses(200, z.looseObject({ openapi: z.string() }), "OpenAPI 3.1."),
});

/**
 * The WebSockets of connectors on the gateway, which is another host. OpenAPI cannot describe their messages, which
 * docs/protocol.md does.
 */
const SOCKETS: Readonly<Record<string, { readonly summary: string; readonly security: readonly object[] }>> =
  {
    [UPLINK_PATH]: { summary: "Connect a connector's uplink", security: [{ site: [] }] },
    [LANE_PATH]: { summary: "Connect a lane of a session", security: [{ ticket: [] }] },
    [TELEMETRY_PATH]: { summary: "Connect a connector's reports of traffic", security: [{ site: [] }] },
  };

/** The paths of the gateway. @param url its origin */
const gatewayPaths = (url: string) =>
  Object.fromEntries(
    Object.entries(SOCKETS).map(([path, { summary, security }]) => {
      const responses = { 101: { description: "The upgrade to a WebSocket (docs/protocol.md)." } };
      return [path, { get: { summary, tags: ["gateway"], servers: [{ url }], security, responses } }];
    }),
  );

export function addOpenApi(api: Api): void {
  api.openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: CONSOLE_COOKIE,
    description: `The session of a signed-in console, which POST /v1/session begins. What changes something needs the page's exact Origin and the header ${CONSOLE_HEADER}; a WebSocket needs the Origin. On loopback the cookie's name has the port.`,
  });
  api.openAPIRegistry.registerComponent("securitySchemes", "site", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description:
      "The assertion of a site, signed with the key of its certificate (docs/protocol.md, Proving the site).",
  });
  api.openAPIRegistry.registerComponent("securitySchemes", "ticket", {
    ...{ type: "apiKey", in: "header", name: TICKET_HEADER },
    description: "The ticket of an invitation to a session, besides the assertion of the site.",
  });
  api.openAPIRegistry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description: "An API key. `x-fairlead-role` of an operation is the least role that the key needs.",
  });
  // Built once for each isolate: the document depends on the code and the API's address only.
  let made: { readonly key: string; readonly text: string } | null = null;
  const describe = (url: string, gatewayUrl: string): string => {
    const key = `${url} ${gatewayUrl}`;
    if (made?.key === key) return made.text;
    const document = api.getOpenAPI31Document({
      openapi: "3.1.0",
      info: {
        title: "Fairlead",
        version,
        description: "Networks, tokens, sites, services, status, events, traffic and the console's session.",
      },
      servers: [{ url }],
    });
    const paths = { ...document.paths, ...gatewayPaths(gatewayUrl) };
    made = { key, text: JSON.stringify({ ...document, openapi: "3.1.0", paths }) };
    return made.text;
  };
  api.openapi(description, (c) => {
    const { apiUrl, gatewayUrl } = c.var.config;
    const response = c.body(describe(apiUrl, gatewayUrl), 200, { "content-type": "application/json" });
    // The route's type asks for the object; the text is its JSON.
    return response as never;
  });
}
