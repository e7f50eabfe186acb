/** API keys. Admins create, list and delete them; the text of a key is shown once. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ApiKey, CreatedKey, CreateKey } from "../../protocol/api/keys.ts";
import { encodeBase64Url } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { ID_BYTES, makeId } from "../../protocol/ids.ts";
import { unwrap } from "../result.ts";
import { hashKey } from "./authentication.ts";
import { type Api, type ApiEnv, body, registryOf, responses } from "./context.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["keys"];
const KEY_BYTES = 32;

const list = createRoute({
  ...routeAccess("get", "/v1/keys"),
  summary: "List the keys, without their texts",
  tags,
  responses: responses(200, z.array(ApiKey), "The keys, oldest first, without the first admin key."),
});

const create = createRoute({
  ...routeAccess("post", "/v1/keys"),
  summary: "Create a key",
  tags,
  request: { body: body(CreateKey) },
  responses: responses(201, CreatedKey, "The key, with its text."),
});

const remove = createRoute({
  ...routeAccess("delete", "/v1/keys/{key}"),
  summary: "Delete a key",
  tags,
  request: { params: z.object({ key: z.string().max(100) }) },
  responses: responses(200, ApiKey, "The deleted key."),
});

export function addKeys(api: Api): void {
  api.openapi(list, async (c) => c.json(await c.var.directory.listKeys(), 200));

  api.openapi(create, async (c) => {
    const { name, role, networks, site } = c.req.valid("json");
    // An admin can create keys for any network, so limiting an admin key to some networks would protect
    // nothing.
    if (role === "admin" && networks !== undefined) {
      throw new FairleadError(
        "request.invalid",
        "body.networks: a key with the role admin is for all networks.",
      );
    }
    if ((role === "dns") !== (site !== undefined) || (role === "dns" && networks?.length !== 1)) {
      throw new FairleadError(
        "request.invalid",
        "body: a key with the role dns is for one site of one network.",
      );
    }
    const id = makeId("key", crypto.getRandomValues(new Uint8Array(ID_BYTES)));
    const key = `flk_${id}_${encodeBase64Url(crypto.getRandomValues(new Uint8Array(KEY_BYTES)))}`;
    const ids = networks === undefined ? null : await networkIds(c, networks);
    const record = {
      id,
      name,
      role,
      networks: ids,
      ...(site === undefined ? {} : { site: await siteId(c, ids?.[0] ?? "", site) }),
      createdAt: new Date().toISOString(),
      lastUsedAt: null,
      hash: await hashKey(key),
    };
    const made = await c.var.directory.createKey(record, c.var.caller.name);
    return c.json({ ...unwrap(made), key }, 201);
  });

  api.openapi(remove, async (c) => {
    const { key } = c.req.valid("param");
    return c.json(unwrap(await c.var.directory.deleteKey(key, c.var.caller.name)), 200);
  });
}

/** The ids of networks. @throws FairleadError network.unknown */
export async function networkIds(c: Context<ApiEnv>, namesOrIds: readonly string[]): Promise<string[]> {
  const ids = new Set<string>();
  for (const nameOrId of namesOrIds) {
    const network = await c.var.directory.findNetwork(nameOrId);
    if (network === null) throw new FairleadError("network.unknown", `There is no network "${nameOrId}".`);
    ids.add(network.id);
  }
  return [...ids];
}

/** @throws FairleadError `site.unknown` */
async function siteId(c: Context<ApiEnv>, network: string, nameOrId: string): Promise<string> {
  return unwrap(await registryOf(c, { id: network }).site(nameOrId)).id;
}
