/** Sites: the members of a network. */
import { createRoute, z } from "@hono/zod-openapi";
import { CreatedSite, CreateSite, Site, UpdateSite } from "../../protocol/api/sites.ts";
import { unwrap } from "../result.ts";
import { type Api, body, registryOf, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";
import { formatTokenFile } from "./token-file.ts";

const tags = ["sites"];
const SiteParam = NetworkParam.extend({ site: z.string().max(100) });

const list = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/sites"),
  summary: "List the sites of a network",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, z.array(Site), "The sites."),
});

const create = createRoute({
  ...routeAccess("post", "/v1/networks/{network}/sites"),
  summary: "Create a site without links, and a token that admits exactly this site, once",
  tags,
  request: { params: NetworkParam, body: body(CreateSite) },
  responses: responses(201, CreatedSite, "The site, and its token with the token file."),
});

const read = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/sites/{site}"),
  summary: "Show a site, by name or id",
  tags,
  request: { params: SiteParam },
  responses: responses(200, Site, "The site."),
});

const update = createRoute({
  ...routeAccess("patch", "/v1/networks/{network}/sites/{site}"),
  summary: "Rename a site, or change what it may offer",
  tags,
  request: { params: SiteParam, body: body(UpdateSite) },
  responses: responses(200, Site, "The site."),
});

const revoke = createRoute({
  ...routeAccess("post", "/v1/networks/{network}/sites/{site}/revoke"),
  summary: "Revoke a site: its certificates, links and sessions end at once",
  tags,
  request: { params: SiteParam },
  responses: responses(200, Site, "The site."),
});

const remove = createRoute({
  ...routeAccess("delete", "/v1/networks/{network}/sites/{site}"),
  summary: "Delete a site: it is revoked, and its name is free again",
  tags,
  request: { params: SiteParam },
  responses: responses(200, Site, "The deleted site."),
});

export function addSites(api: Api): void {
  api.openapi(list, async (c) => c.json(unwrap(await registryOf(c).status()).sites, 200));

  api.openapi(create, async (c) => {
    const request = { request: c.req.valid("json"), actor: c.var.caller.name };
    const { site, token, claim } = unwrap(await registryOf(c).createSite(request));
    const file = formatTokenFile(c.var.config, c.var.network, token, claim);
    return c.json({ site, token: { ...token, file } }, 201);
  });

  api.openapi(read, async (c) => {
    return c.json(unwrap(await registryOf(c).site(c.req.valid("param").site)), 200);
  });

  api.openapi(update, async (c) => {
    const { site } = c.req.valid("param");
    const changed = await registryOf(c).updateSite(site, c.req.valid("json"), c.var.caller.name);
    return c.json(unwrap(changed), 200);
  });

  api.openapi(revoke, async (c) => {
    const { site } = c.req.valid("param");
    return c.json(unwrap(await registryOf(c).revokeSite(site, c.var.caller.name)), 200);
  });

  api.openapi(remove, async (c) => {
    const { site } = c.req.valid("param");
    return c.json(unwrap(await registryOf(c).deleteSite(site, c.var.caller.name)), 200);
  });
}
