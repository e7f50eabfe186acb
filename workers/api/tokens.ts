/** Tokens: invitations to a network. */
import { createRoute, z } from "@hono/zod-openapi";
import { stringify } from "yaml";
import { CreatedToken, CreateToken, type Network, Token } from "../../protocol/api.ts";
import { TokenId } from "../../protocol/ids.ts";
import { TokenFile } from "../../protocol/tokens.ts";
import type { Env } from "../env.ts";
import { unwrap } from "../result.ts";
import { access } from "./access.ts";
import { type Api, answers, body, networkOf, registryOf } from "./context.ts";
import { NetworkParam } from "./networks.ts";

const tags = ["tokens"];

const list = createRoute({
  ...access("get", "/v1/networks/{network}/tokens"),
  summary: "The network's tokens, without their claims",
  tags,
  request: { params: NetworkParam },
  responses: answers(200, z.array(Token), "The tokens."),
});

const create = createRoute({
  ...access("post", "/v1/networks/{network}/tokens"),
  summary: "Make a token",
  tags,
  request: { params: NetworkParam, body: body(CreateToken) },
  responses: answers(201, CreatedToken, "The token, with its file."),
});

const revoke = createRoute({
  ...access("delete", "/v1/networks/{network}/tokens/{token}"),
  summary: "Revoke a token; the sites that it admitted stay",
  tags,
  request: { params: NetworkParam.extend({ token: TokenId }) },
  responses: answers(200, Token, "The token."),
});

/** The token file's content. */
export function formatTokenFile(
  env: Pick<Env, "API_URL" | "DEPLOYMENT_CA">,
  network: Network,
  token: Token,
  claim: string,
): string {
  const file: TokenFile = {
    apiVersion: "fairlead/v1",
    kind: "Token",
    metadata: { name: token.id, network: network.name, issuer: token.issuer, expires: token.expiresAt },
    spec: { api: env.API_URL, claim, ca: env.DEPLOYMENT_CA },
  };
  // A deployment that is configured wrongly should fail here, not at the site that gets the file.
  return stringify(TokenFile.parse(file));
}

export function addTokens(api: Api): void {
  api.openapi(list, async (c) => {
    const network = await networkOf(c, c.req.valid("param").network);
    return c.json(unwrap(await registryOf(c, network).tokens()), 200);
  });

  api.openapi(create, async (c) => {
    const network = await networkOf(c, c.req.valid("param").network);
    const request = { ...c.req.valid("json"), actor: c.var.caller.name };
    const { token, claim } = unwrap(await registryOf(c, network).createToken(request));
    return c.json({ ...token, file: formatTokenFile(c.env, network, token, claim) }, 201);
  });

  api.openapi(revoke, async (c) => {
    const { network: name, token } = c.req.valid("param");
    const network = await networkOf(c, name);
    return c.json(unwrap(await registryOf(c, network).revokeToken(token, c.var.caller.name)), 200);
  });
}
