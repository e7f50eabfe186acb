/** How a network stands: links, services, and everything at once. */
import { createRoute, z } from "@hono/zod-openapi";
import { Link, NetworkStatus, Service } from "../../protocol/api.ts";
import { unwrap } from "../result.ts";
import { access } from "./access.ts";
import { type Api, answers, networkOf, registryOf } from "./context.ts";
import { NetworkParam } from "./networks.ts";

const tags = ["status"];

const links = createRoute({
  ...access("get", "/v1/networks/{network}/links"),
  summary: "The network's links",
  tags,
  request: { params: NetworkParam },
  responses: answers(200, z.array(Link), "The links."),
});

const services = createRoute({
  ...access("get", "/v1/networks/{network}/services"),
  summary: "The network's services",
  tags,
  request: { params: NetworkParam },
  responses: answers(200, z.array(Service), "The services."),
});

const status = createRoute({
  ...access("get", "/v1/networks/{network}/status"),
  summary: "Sites, links and services of the network at one moment",
  tags,
  request: { params: NetworkParam },
  responses: answers(200, NetworkStatus, "The status."),
});

export function addStatus(api: Api): void {
  api.openapi(links, async (c) => {
    const network = await networkOf(c, c.req.valid("param").network);
    return c.json(unwrap(await registryOf(c, network).status()).links, 200);
  });

  api.openapi(services, async (c) => {
    const network = await networkOf(c, c.req.valid("param").network);
    return c.json(unwrap(await registryOf(c, network).status()).services, 200);
  });

  api.openapi(status, async (c) => {
    const network = await networkOf(c, c.req.valid("param").network);
    return c.json(unwrap(await registryOf(c, network).status()), 200);
  });
}
