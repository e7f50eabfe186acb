/** The balances of services that operators set. */
import { createRoute } from "@hono/zod-openapi";
import { ServiceBalance, SetBalance } from "../../protocol/api/services.ts";
import { ServiceName } from "../../protocol/names.ts";
import { unwrap } from "../result.ts";
import { type Api, body, registryOf, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["services"];
const ServiceParam = NetworkParam.extend({ service: ServiceName });

const read = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/services/{service}/balance"),
  summary: "Show how an operator balances a service over its sites",
  tags,
  request: { params: ServiceParam },
  responses: responses(200, ServiceBalance, "The balance."),
});

const update = createRoute({
  ...routeAccess("patch", "/v1/networks/{network}/services/{service}/balance"),
  summary: "Balance a service over its sites, in place of what the sites offer",
  tags,
  request: { params: ServiceParam, body: body(SetBalance) },
  responses: responses(200, ServiceBalance, "The balance."),
});

const remove = createRoute({
  ...routeAccess("delete", "/v1/networks/{network}/services/{service}/balance"),
  summary: "Leave the balance of a service to the sites that offer it",
  tags,
  request: { params: ServiceParam },
  responses: responses(200, ServiceBalance, "The balance."),
});

export function addBalances(api: Api): void {
  api.openapi(read, async (c) => {
    return c.json(unwrap(await registryOf(c).balance(c.req.valid("param").service)), 200);
  });

  api.openapi(update, async (c) => {
    const { service } = c.req.valid("param");
    const changed = await registryOf(c).setBalance(service, c.req.valid("json"), c.var.caller.name);
    return c.json(unwrap(changed), 200);
  });

  api.openapi(remove, async (c) => {
    const { service } = c.req.valid("param");
    return c.json(unwrap(await registryOf(c).setBalance(service, null, c.var.caller.name)), 200);
  });
}
