/** Networks. */
import { createRoute, z } from "@hono/zod-openapi";
import { CreateNetwork, Network } from "../../protocol/api/networks.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { ID_BYTES, makeId, NetworkId } from "../../protocol/ids.ts";
import { permitsIn } from "../auth/caller.ts";
import { unwrap } from "../result.ts";
import { type Api, answers, body, registryOf } from "./context.ts";
import { access } from "./route-access.ts";

const tags = ["networks"];
/** A path parameter: a network's name or id. */
export const NetworkParam = z.object({ network: z.string().max(100) });

const list = createRoute({
  ...access("get", "/v1/networks"),
  summary: "The networks that the key is good for",
  tags,
  responses: answers(200, z.array(Network), "Sorted by name."),
});

const create = createRoute({
  ...access("post", "/v1/networks"),
  summary: "Make a network",
  tags,
  request: { body: body(CreateNetwork) },
  responses: answers(201, Network, "The new network."),
});

const read = createRoute({
  ...access("get", "/v1/networks/{network}"),
  summary: "One network",
  tags,
  request: { params: NetworkParam },
  responses: answers(200, Network, "The network."),
});

const remove = createRoute({
  ...access("delete", "/v1/networks/{network}"),
  summary: "Delete a network with everything in it",
  tags,
  request: { params: NetworkParam },
  responses: answers(200, Network, "The network that was."),
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
    // The directory reserves the name; a registry that then cannot be made gives it back.
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

  api.openapi(remove, async (c) => {
    // The registry first: if this is interrupted, the network is still listed and can be deleted again.
    await registryOf(c).destroy();
    return c.json(unwrap(await c.var.directory.deleteNetwork(c.var.network.id, c.var.caller.name)), 200);
  });
}
