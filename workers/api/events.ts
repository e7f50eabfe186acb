/** The event logs of a network and of the edge itself. */
import { createRoute, z } from "@hono/zod-openapi";
import {
  EventPageHeaders,
  EventQuery,
  headersOf,
  NetworkEvent,
  NetworkEventQuery,
} from "../../protocol/api/events.ts";
import { unwrap } from "../result.ts";
import { type Api, registryOf, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["events"];

/** The response with a page: the events in the body, the rest in headers. */
function pageResponses() {
  const { 200: page, ...others } = responses(200, z.array(NetworkEvent), "The events, oldest first.");
  return { ...others, 200: { ...page, headers: EventPageHeaders } };
}

const list = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/events"),
  summary: "List events of a network: the newest, or the oldest after an id; oldest first",
  tags,
  request: { params: NetworkParam, query: NetworkEventQuery },
  responses: pageResponses(),
});

const listOwn = createRoute({
  ...routeAccess("get", "/v1/events"),
  summary: "List events of the edge itself (networks, keys, refused keys), in the same way",
  tags,
  request: { query: EventQuery },
  responses: pageResponses(),
});

export function addEvents(api: Api): void {
  api.openapi(list, async (c) => {
    const page = unwrap(await registryOf(c).events(c.req.valid("query")));
    return c.json(page.events, 200, headersOf(page));
  });
  api.openapi(listOwn, async (c) => {
    const page = await c.var.directory.events(c.req.valid("query"));
    return c.json(page.events, 200, headersOf(page));
  });
}
