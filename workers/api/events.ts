/** What happened: in a network, and at the edge itself. */
import { createRoute, z } from "@hono/zod-openapi";
import { EventQuery, NetworkEvent } from "../../protocol/api/events.ts";
import { unwrap } from "../result.ts";
import { type Api, answers, registryOf } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { access } from "./route-access.ts";

const tags = ["events"];

const list = createRoute({
  ...access("get", "/v1/networks/{network}/events"),
  summary: "The network's newest events, oldest of them first",
  tags,
  request: { params: NetworkParam, query: EventQuery },
  responses: answers(200, z.array(NetworkEvent), "The events."),
});

const listOwn = createRoute({
  ...access("get", "/v1/events"),
  summary: "The edge's own newest events (networks, keys, refused keys), oldest of them first",
  tags,
  request: { query: EventQuery },
  responses: answers(200, z.array(NetworkEvent), "The events."),
});

export function addEvents(api: Api): void {
  api.openapi(list, async (c) => {
    return c.json(unwrap(await registryOf(c).events(c.req.valid("query"))), 200);
  });
  api.openapi(listOwn, async (c) => c.json(await c.var.directory.events(c.req.valid("query")), 200));
}
