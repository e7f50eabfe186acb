/** Where the clients of a site reach a service, as the site's connectors reported it. */
import { familyOf, isWildcard } from "../../../protocol/dns/address.ts";
import type { ReachablePlace, ReachablePort } from "../../../protocol/dns/service-zone.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { CONNECTOR_FEATURES, type ListenerReport } from "../../../protocol/uplink/messages.ts";
import type { Context } from "../context/context.ts";
import { toVisibleService, visibleOffers } from "../policy/visibility.ts";
import { currentVisibility } from "./announcements.ts";

/**
 * The ports of a service that the site sees, with the addresses of the site's listeners. A service that only the site
 * itself offers has no address here: its targets stay inside the site.
 * @throws FairleadError `site.unknown`, `site.revoked`
 */
export function reachableService(
  context: Context,
  site: string,
  service: string,
): ReachablePort[] | "absent" {
  const row = context.store.sites.get(site);
  if (!row) throw new FairleadError("site.unknown");
  if (row.state === "revoked") throw new FairleadError("site.revoked");
  const visibility = currentVisibility(context);
  const viewer = visibility.viewer(site, CONNECTOR_FEATURES);
  const { linkGraph } = visibility;
  const offers = visibility.offersOf(service);
  const seen = visibleOffers(viewer, offers, (position) => linkGraph.costBetween(position, viewer.position));
  const visible = toVisibleService(
    viewer,
    seen.filter(({ offer }) => offer.routing.zone === undefined),
  );
  if (visible === null) {
    const own = offers.find(({ offer }) => offer.instance.site === site && offer.routing.zone === undefined);
    return own === undefined ? "absent" : own.offer.ports.map((port) => ({ ...port, places: [] }));
  }
  const { port: first, protocol, ports = [{ port: first, protocol }] } = visible;
  const boots = new Set(context.uplinks.ofSite(site).map(({ attachment }) => attachment.boot));
  const reports = [...boots]
    .flatMap((boot) => context.store.listeners.of({ site, boot }))
    .filter((report) => report.service === service && report.state === "listening");
  return ports.map(({ port, protocol: of }) => ({
    ...{ port, protocol: of },
    places: reports.filter((report) => (report.port ?? first) === port).flatMap(placeOf),
  }));
}

/** The address and port of a report, which are text; none for an address that names no machine. */
function placeOf({ address }: ListenerReport): ReachablePlace[] {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = Number(address.slice(colon + 1));
  if (familyOf(host) === null || isWildcard(host) || !Number.isInteger(port)) return [];
  return [{ address: host, port }];
}
