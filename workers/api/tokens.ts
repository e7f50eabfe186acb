/** Tokens: each admits sites to a network, or links members. */
import { createRoute, z } from "@hono/zod-openapi";
import { CreatedToken, CreateToken, Token } from "../../protocol/api/tokens.ts";
import { TokenId } from "../../protocol/ids.ts";
import { unwrap } from "../result.ts";
import { type Api, body, registryOf, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";
import { formatTokenFile } from "./token-file.ts";

const tags = ["tokens"];

const list = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/tokens"),
  summary: "List the tokens of a network, without their claims",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, z.array(Token), "The tokens."),
});

const create = createRoute({
  ...routeAccess("post", "/v1/networks/{network}/tokens"),
  summary: "Create a token, of the network or on behalf of a site",
  tags,
  request: { params: NetworkParam, body: body(CreateToken) },
  responses: responses(201, CreatedToken, "The token, with its token file."),
});

const revoke = createRoute({
  ...routeAccess("delete", "/v1/networks/{network}/tokens/{token}"),
  summary: "Revoke a token; sites that it admitted stay members",
  tags,
  request: { params: NetworkParam.extend({ token: TokenId }) },
  responses: responses(200, Token, "The token."),
});

export function addTokens(api: Api): void {
  api.openapi(list, async (c) => c.json(unwrap(await registryOf(c).tokens()), 200));

  api.openapi(create, async (c) => {
    const request = { ...c.req.valid("json"), actor: c.var.caller.name };
    const { token, claim } = unwrap(await registryOf(c).createToken(request));
    return c.json({ ...token, file: formatTokenFile(c.var.config, c.var.network, token, claim) }, 201);
  });

  api.openapi(revoke, async (c) => {
    const { token } = c.req.valid("param");
    return c.json(unwrap(await registryOf(c).revokeToken(token, c.var.caller.name)), 200);
  });
}
