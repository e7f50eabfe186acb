/** The balance of a service, as an operator sets it. */
import type { ServiceBalance, SetBalance } from "../../../protocol/api/services.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { nearName } from "../../../protocol/near-name.ts";
import type { Context } from "../context/context.ts";
import { findSite } from "./describe.ts";
import { changeOffers } from "./offers.ts";

/** The balance that an operator set, with the sites' present names. */
export function describeBalance({ store }: Context, service: string): ServiceBalance {
  const balance = store.balances.of(service);
  if (balance === null) return { service, mode: null, order: [], weights: {} };
  const nameOf = (id: string) => store.sites.get(id)?.name ?? id;
  const weights = Object.entries(balance.weights).map(([site, weight]) => [nameOf(site), weight]);
  return {
    ...{ service, mode: balance.mode, order: balance.sites.map(nameOf) },
    weights: Object.fromEntries(weights),
  };
}

/**
 * Sets the balance of a service that is offered, or removes the setting with null. Connectors learn it at once, with the
 * service.
 * @throws FairleadError `service.unknown`, `site.unknown`
 */
export function setBalance(
  context: Context,
  service: string,
  request: SetBalance | null,
  actor: string,
): ServiceBalance {
  const { store } = context;
  if (request === null && store.balances.of(service) === null) return describeBalance(context, service);
  if (request !== null) checkService(context, service);
  const idOf = (nameOrId: string) => findSite(context, nameOrId).id;
  const balance = request && {
    mode: request.mode,
    sites: [...new Set(request.order?.map(idOf))],
    weights: Object.fromEntries(
      Object.entries(request.weights ?? {}).map(([site, weight]) => [idOf(site), weight]),
    ),
  };
  const cause = { actor, owner: null, reason: "its balance was changed" };
  changeOffers(context, cause, () => {
    store.balances.set(service, balance, context.now());
    context.event("service.balanced", textOf(describeBalance(context, service)), { actor });
  });
  return describeBalance(context, service);
}

/** @throws FairleadError `service.unknown` */
function checkService({ store }: Context, service: string): void {
  const { ofService } = store.offers.snapshot();
  if (ofService.has(service) || store.balances.of(service) !== null) return;
  const near = nearName(service, [...ofService.keys()]);
  const meant = near === null ? "" : ` Did you mean ${near}?`;
  throw new FairleadError("service.unknown", `No site offers a service ${service}.${meant}`);
}

function textOf({ service, mode, order, weights }: ServiceBalance): string {
  if (mode === null) return `The balance of service ${service} is left to the sites that offer it.`;
  const shares = Object.entries(weights).map(([site, weight]) => `${site} ${weight}`);
  const ordered = order.length === 0 ? "" : `, in the order ${order.slice(0, 10).join(", ")}`;
  const weighted = shares.length === 0 ? "" : `, with the weights ${shares.slice(0, 10).join(", ")}`;
  return `Service ${service} is balanced by ${mode}${ordered}${weighted}.`;
}
