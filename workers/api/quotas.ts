/** How much a network may have, and how much of it is used. */
import { createRoute } from "@hono/zod-openapi";
import { QuotaUse, SetQuotas } from "../../protocol/api/quotas.ts";
import { unwrap } from "../result.ts";
import { type Api, answers, body, registryOf } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { access } from "./route-access.ts";

const tags = ["quotas"];

const read = createRoute({
  ...access("get", "/v1/networks/{network}/quotas"),
  summary: "The network's quotas, and how much of each is used",
  tags,
  request: { params: NetworkParam },
  responses: answers(200, QuotaUse, "The quotas."),
});

const update = createRoute({
  ...access("patch", "/v1/networks/{network}/quotas"),
  summary: "Change quotas; one below what is used refuses only what is new",
  tags,
  request: { params: NetworkParam, body: body(SetQuotas) },
  responses: answers(200, QuotaUse, "The quotas."),
});

export function addQuotas(api: Api): void {
  api.openapi(read, async (c) => c.json(unwrap(await registryOf(c).quotas()), 200));

  api.openapi(update, async (c) => {
    const changed = await registryOf(c).setQuotas(c.req.valid("json"), c.var.caller.name);
    return c.json(unwrap(changed), 200);
  });
}
