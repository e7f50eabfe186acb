/** How a network stands: services, and everything at once. */
import { createRoute, z } from "@hono/zod-openapi";
import { NetworkStatus, Service } from "../../protocol/api.ts";
import { unwrap } from "../result.ts";
import { access } from "./access.ts";
import { type Api, answers, registryOf } from "./context.ts";
import { NetworkParam } from "./networks.ts";

const tags = ["status"];

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
  api.openapi(services, async (c) => c.json(unwrap(await registryOf(c).status()).services, 200));
  api.openapi(status, async (c) => c.json(unwrap(await registryOf(c).status()), 200));
}
