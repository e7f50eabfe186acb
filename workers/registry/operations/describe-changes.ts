/** Descriptions of the sites that may have changed, and of their links and services, for the live channel. */
import type { Context } from "../context/context.ts";
import type { Described, LiveView } from "../policy/live-view.ts";
import { describeLink, describeNetwork, describeServiceNamed, describeSite } from "./describe.ts";
import { Presence } from "./presence.ts";

/** Describes sites. @param view what the viewers know, with the links and services that the sites had */
export function describeChanges(context: Context, sites: ReadonlySet<string>, view: LiveView): Described {
  const { store } = context;
  const presence = new Presence(context);
  const links = new Set(view.linksOf(sites));
  const services = new Set(view.servicesOf(sites));
  const described: Described["sites"] = new Map(
    [...sites].map((id) => {
      const row = store.sites.get(id);
      for (const link of [...store.links.of(id), ...store.links.from(id)]) links.add(link.id);
      for (const offer of store.offers.snapshot().ofSite.get(id) ?? []) services.add(offer.service);
      return [id, row && describeSite(context, presence, row)];
    }),
  );
  return {
    network: describeNetwork(context),
    sites: described,
    links: new Map(
      [...links].map((id) => {
        const row = store.links.get(id);
        return [id, row && describeLink(context, row, presence)];
      }),
    ),
    services: new Map([...services].map((name) => [name, describeServiceNamed(context, presence, name)])),
  };
}
