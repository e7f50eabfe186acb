/** Keys for doors: each is valid for requests to one hostname. The text of a key is shown once. */
import { createRoute, z } from "@hono/zod-openapi";
import { CreateDoorKey, CreatedDoorKey, DoorKey } from "../../protocol/api/hostnames.ts";
import { encodeBase64Url } from "../../protocol/encoding.ts";
import { ID_BYTES, makeId } from "../../protocol/ids.ts";
import { unwrap } from "../result.ts";
import { hashKey } from "./authentication.ts";
import { type Api, body, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["hostnames"];
const KEY_BYTES = 32;

const list = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/door-keys"),
  summary: "List the keys for the doors of a network, without their texts",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, z.array(DoorKey), "The keys, oldest first."),
});

const create = createRoute({
  ...routeAccess("post", "/v1/networks/{network}/door-keys"),
  summary: "Create a key for a door",
  tags,
  request: { params: NetworkParam, body: body(CreateDoorKey) },
  responses: responses(201, CreatedDoorKey, "The key, with its text."),
});

const remove = createRoute({
  ...routeAccess("delete", "/v1/networks/{network}/door-keys/{key}"),
  summary: "Delete a key for a door",
  tags,
  request: { params: NetworkParam.extend({ key: z.string().max(100) }) },
  responses: responses(200, DoorKey, "The deleted key."),
});

export function addDoorKeys(api: Api): void {
  api.openapi(list, async (c) => c.json(await c.var.directory.listDoorKeys(c.var.network.id), 200));

  api.openapi(create, async (c) => {
    const { directory, network, caller } = c.var;
    const { name, hostname } = c.req.valid("json");
    const id = makeId("key", crypto.getRandomValues(new Uint8Array(ID_BYTES)));
    const key = `fld_${id}_${encodeBase64Url(crypto.getRandomValues(new Uint8Array(KEY_BYTES)))}`;
    const record = {
      ...{ id, name, hostname, network: network.id, hash: await hashKey(key) },
      createdAt: new Date().toISOString(),
      lastUsedAt: null,
    };
    const made = unwrap(await directory.createDoorKey(record, caller.name));
    return c.json({ ...made, key }, 201);
  });

  api.openapi(remove, async (c) => {
    const { directory, network, caller } = c.var;
    const { key } = c.req.valid("param");
    return c.json(unwrap(await directory.deleteDoorKey(key, network.id, caller.name)), 200);
  });
}
