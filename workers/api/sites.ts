/** Sites: the members of a network. */
import { createRoute, z } from "@hono/zod-openapi";
import { Site } from "../../protocol/api.ts";
import { unwrap } from "../result.ts";
import { access } from "./access.ts";
import { type Api, answers, networkOf, registryOf } from "./context.ts";
import { NetworkParam } from "./networks.ts";

const tags = ["sites"];
const SiteParam = NetworkParam.extend({ site: z.string().max(100) });

const list = createRoute({
  ...access("get", "/v1/networks/{network}/sites"),
  summary: "The network's sites",
  tags,
  request: { params: NetworkParam },
  responses: answers(200, z.array(Site), "The sites."),
});

const read = createRoute({
  ...access("get", "/v1/networks/{network}/sites/{site}"),
  summary: "One site, by name or id",
  tags,
  request: { params: SiteParam },
  responses: answers(200, Site, "The site."),
});

const revoke = createRoute({
  ...access("post", "/v1/networks/{network}/sites/{site}/revoke"),
  summary: "Expel a site: its certificates, links and sessions end at once",
  tags,
  request: { params: SiteParam },
  responses: answers(200, Site, "The site."),
});

const remove = createRoute({
  ...access("delete", "/v1/networks/{network}/sites/{site}"),
  summary: "Expel a site and forget it, so that its name is free",
  tags,
  request: { params: SiteParam },
  responses: answers(200, Site, "The site that was."),
});

export function addSites(api: Api): void {
  api.openapi(list, async (c) => {
    const network = await networkOf(c, c.req.valid("param").network);
    return c.json(unwrap(await registryOf(c, network).status()).sites, 200);
  });

  api.openapi(read, async (c) => {
    const { network, site } = c.req.valid("param");
    return c.json(unwrap(await registryOf(c, await networkOf(c, network)).site(site)), 200);
  });

  api.openapi(revoke, async (c) => {
    const { network, site } = c.req.valid("param");
    const registry = registryOf(c, await networkOf(c, network));
    return c.json(unwrap(await registry.revokeSite(site, c.var.caller.name)), 200);
  });

  api.openapi(remove, async (c) => {
    const { network, site } = c.req.valid("param");
    const registry = registryOf(c, await networkOf(c, network));
    return c.json(unwrap(await registry.deleteSite(site, c.var.caller.name)), 200);
  });
}
