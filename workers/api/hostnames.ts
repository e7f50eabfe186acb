/** The hostnames by which a network may publish services. Admins grant them: a hostname belongs to one network. */
import { createRoute, z } from "@hono/zod-openapi";
import { GrantHostname, HostnameGrant, ListedHostname } from "../../protocol/api/hostnames.ts";
import { isGranted } from "../../protocol/hostnames.ts";
import { unwrap } from "../result.ts";
import { type Api, body, registryOf, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["hostnames"];

const list = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/hostnames"),
  summary: "List the hostnames of a network, and what is published by them",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, z.array(ListedHostname), "The hostnames, sorted."),
});

const grant = createRoute({
  ...routeAccess("post", "/v1/networks/{network}/hostnames"),
  summary: "Grant a hostname, or a pattern of hostnames, to a network",
  tags,
  request: { params: NetworkParam, body: body(GrantHostname) },
  responses: responses(201, HostnameGrant, "The grant; the present one when the network has it already."),
});

const withdraw = createRoute({
  ...routeAccess("delete", "/v1/networks/{network}/hostnames/{pattern}"),
  summary: "Withdraw a hostname from a network, and end the requests to it",
  tags,
  request: { params: NetworkParam.extend({ pattern: z.string().max(300) }) },
  responses: responses(200, HostnameGrant, "The withdrawn grant."),
});

export function addHostnames(api: Api): void {
  api.openapi(list, async (c) => {
    const grants = await c.var.directory.listHostnames(c.var.network.id);
    const published = grants.length === 0 ? [] : unwrap(await registryOf(c).published());
    const listed = grants.map((each) => ({
      ...each,
      published: published.filter(({ hostname }) => isGranted(hostname, [each.pattern])),
    }));
    return c.json(listed, 200);
  });

  api.openapi(grant, async (c) => {
    const { directory, network, caller } = c.var;
    const { pattern } = c.req.valid("json");
    const granted = unwrap(await directory.grantHostname(pattern, network.id, caller.name));
    const patterns = (await directory.listHostnames(network.id)).map((each) => each.pattern);
    unwrap(await registryOf(c).setHostnames(patterns, caller.name));
    return c.json(granted, 201);
  });

  api.openapi(withdraw, async (c) => {
    const { directory, network, caller } = c.var;
    const { pattern } = c.req.valid("param");
    // The directory goes first: from then on no request reaches a door by the hostname.
    const withdrawn = unwrap(await directory.withdrawHostname(pattern, network.id, caller.name));
    const patterns = (await directory.listHostnames(network.id)).map((each) => each.pattern);
    unwrap(await registryOf(c).setHostnames(patterns, caller.name));
    return c.json(withdrawn, 200);
  });
}
