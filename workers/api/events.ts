/** What happened in a network. */
import { createRoute, z } from "@hono/zod-openapi";
import { EventQuery, NetworkEvent } from "../../protocol/api.ts";
import { unwrap } from "../result.ts";
import { access } from "./access.ts";
import { type Api, answers, networkOf, registryOf } from "./context.ts";
import { NetworkParam } from "./networks.ts";

const list = createRoute({
  ...access("get", "/v1/networks/{network}/events"),
  summary: "The network's newest events, oldest of them first",
  tags: ["events"],
  request: { params: NetworkParam, query: EventQuery },
  responses: answers(200, z.array(NetworkEvent), "The events."),
});

export function addEvents(api: Api): void {
  api.openapi(list, async (c) => {
    const network = await networkOf(c, c.req.valid("param").network);
    return c.json(unwrap(await registryOf(c, network).events(c.req.valid("query"))), 200);
  });
}
