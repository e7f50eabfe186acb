/** Networks: created and deleted by admins. */
import { createRoute, z } from "@hono/zod-openapi";
import { CreateNetwork, Network, NetworkCa } from "../../protocol/api/networks.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { ID_BYTES, makeId, NetworkId } from "../../protocol/ids.ts";
import { permitsIn } from "../auth/caller.ts";
import { unwrap } from "../result.ts";
import { type Api, body, registryOf, responses } from "./context.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["networks"];
/** The path parameter of a network: its name or id. */
export const NetworkParam = z.object({ network: z.string().max(100) });

const list = createRoute({
  ...routeAccess("get", "/v1/networks"),
  summary: "List the networks in which the key has a role",
  tags,
  responses: responses(200, z.array(Network), "The networks, sorted by name."),
});

const create = createRoute({
  ...routeAccess("post", "/v1/networks"),
  summary: "Create a network",
  tags,
  request: { body: body(CreateNetwork) },
  responses: responses(201, Network, "The new network."),
});

const read = createRoute({
  ...routeAccess("get", "/v1/networks/{network}"),
  summary: "Show a network",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, Network, "The network."),
});

const authority = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/ca"),
  summary: "Show the CA that signs the certificates of the network's services",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, NetworkCa, "The CA, which clients of listeners trust."),
});

const remove = createRoute({
  ...routeAccess("delete", "/v1/networks/{network}"),
  summary: "Delete a network and everything in it",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, Network, "The deleted network."),
});

export function addNetworks(api: Api): void {
  api.openapi(list, async (c) => {
    const networks = await c.var.directory.listNetworks();
    return c.json(
      networks.filter((network) => permitsIn(c.var.caller, "viewer", network)),
      200,
    );
  });

  api.openapi(create, async (c) => {
    const { name } = c.req.valid("json");
    if (NetworkId.safeParse(name).success) {
      throw new FairleadError("request.invalid", "body.name: a network cannot be named like an id.");
    }
    const actor = c.var.caller.name;
    const id = makeId("network", crypto.getRandomValues(new Uint8Array(ID_BYTES)));
    const now = Date.now();
    // The directory reserves the name; it is released again when the registry cannot be created.
    unwrap(await c.var.directory.createNetwork({ id, name, createdAt: new Date(now).toISOString() }, actor));
    try {
      const made = await registryOf(c, { id }).create({ id, name, createdAt: now, actor });
      return c.json(unwrap(made), 201);
    } catch (thrown) {
      await c.var.directory.deleteNetwork(id, actor);
      throw thrown;
    }
  });

  api.openapi(read, async (c) => c.json(c.var.network, 200));

  api.openapi(authority, async (c) => c.json(unwrap(await registryOf(c).networkCa()), 200));

  api.openapi(remove, async (c) => {
    // The registry goes first: after an interruption the network is still listed and can be deleted again.
    unwrap(await registryOf(c).destroy());
    return c.json(unwrap(await c.var.directory.deleteNetwork(c.var.network.id, c.var.caller.name)), 200);
  });
}
