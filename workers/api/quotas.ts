/** The quotas of a network, and how much of each is used. */
import { createRoute } from "@hono/zod-openapi";
import { QuotaUse, SetQuotas } from "../../protocol/api/quotas.ts";
import { unwrap } from "../result.ts";
import { type Api, body, registryOf, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["quotas"];

const read = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/quotas"),
  summary: "Show the quotas of a network, and how much of each is used",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, QuotaUse, "The quotas."),
});

const update = createRoute({
  ...routeAccess("patch", "/v1/networks/{network}/quotas"),
  summary: "Change quotas; a quota below its use refuses only additions",
  tags,
  request: { params: NetworkParam, body: body(SetQuotas) },
  responses: responses(200, QuotaUse, "The quotas."),
});

export function addQuotas(api: Api): void {
  api.openapi(read, async (c) => c.json(unwrap(await registryOf(c).quotas()), 200));

  api.openapi(update, async (c) => {
    const changed = await registryOf(c).setQuotas(c.req.valid("json"), c.var.caller.name);
    return c.json(unwrap(changed), 200);
  });
}
