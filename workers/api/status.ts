/** The services of a network, and its whole status. */
import { createRoute, z } from "@hono/zod-openapi";
import { Service } from "../../protocol/api/services.ts";
import { NetworkStatus } from "../../protocol/api/status.ts";
import { FrontStatus } from "../../protocol/front/front-status.ts";
import { unwrap } from "../result.ts";
import { type Api, registryOf, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["status"];

const Reported = z.object({ front: FrontStatus });

const services = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/services"),
  summary: "List the services of a network",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, z.array(Service), "The services."),
});

const status = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/status"),
  summary: "Show the sites, links and services of a network at one moment",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, NetworkStatus, "The status."),
});

export function addStatus(api: Api): void {
  api.openapi(services, async (c) => c.json(unwrap(await registryOf(c).status()).services, 200));
  api.openapi(status, async (c) => {
    const found = unwrap(await registryOf(c).status());
    // Only the front of an embedded edge sets `request.cf.front`: no header of a client becomes `request.cf`.
    const front = Reported.safeParse(c.req.raw.cf);
    return c.json({ ...found, edge: front.data?.front }, 200);
  });
}
