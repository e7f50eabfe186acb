/** Links between sites and the issuers of their tokens, and the revocation of an issuer's access. */
import { createRoute, z } from "@hono/zod-openapi";
import { RevokeAccess, RevokedAccess } from "../../protocol/api/access.ts";
import { Link } from "../../protocol/api/links.ts";
import { LinkId } from "../../protocol/ids.ts";
import { unwrap } from "../result.ts";
import { type Api, body, registryOf, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["links"];

const list = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/links"),
  summary: "List the links of a network",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, z.array(Link), "The links."),
});

const remove = createRoute({
  ...routeAccess("delete", "/v1/networks/{network}/links/{link}"),
  summary: "Delete a link; sessions without another path end at once",
  tags,
  request: { params: NetworkParam.extend({ link: LinkId }) },
  responses: responses(200, Link, "The deleted link."),
});

const revoke = createRoute({
  ...routeAccess("post", "/v1/networks/{network}/revoke-access"),
  summary: "Revoke an issuer's tokens and links, and replace its CA",
  tags,
  request: { params: NetworkParam, body: body(RevokeAccess) },
  responses: responses(200, RevokedAccess, "What was revoked."),
});

export function addLinks(api: Api): void {
  api.openapi(list, async (c) => c.json(unwrap(await registryOf(c).status()).links, 200));

  api.openapi(remove, async (c) => {
    const { link } = c.req.valid("param");
    return c.json(unwrap(await registryOf(c).deleteLink(link, c.var.caller.name)), 200);
  });

  api.openapi(revoke, async (c) => {
    const revoked = await registryOf(c).revokeAccess(c.req.valid("json"), c.var.caller.name);
    return c.json(unwrap(revoked), 200);
  });
}
