/** The event logs of a network and of the edge itself. */
import { createRoute, z } from "@hono/zod-openapi";
import { EventQuery, NetworkEvent } from "../../protocol/api/events.ts";
import { unwrap } from "../result.ts";
import { type Api, registryOf, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["events"];

const list = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/events"),
  summary: "List the newest events of a network, oldest first",
  tags,
  request: { params: NetworkParam, query: EventQuery },
  responses: responses(200, z.array(NetworkEvent), "The events."),
});

const listOwn = createRoute({
  ...routeAccess("get", "/v1/events"),
  summary: "List the newest events of the edge itself (networks, keys, refused keys), oldest first",
  tags,
  request: { query: EventQuery },
  responses: responses(200, z.array(NetworkEvent), "The events."),
});

export function addEvents(api: Api): void {
  api.openapi(list, async (c) => {
    return c.json(unwrap(await registryOf(c).events(c.req.valid("query"))), 200);
  });
  api.openapi(listOwn, async (c) => c.json(await c.var.directory.events(c.req.valid("query")), 200));
}
