/** Takes over what another connector of the site stored in the state that they share. */
import { asFairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import type { Membership } from "../site/membership.ts";
import type { Renewer } from "../site/renewer.ts";
import type { Site } from "../site/site.ts";
import type { Offers } from "../targets/offers.ts";
import type { Uplink } from "../uplink/uplink.ts";
import type { ConnectorEvents } from "./events.ts";

export interface StateChangesOptions {
  readonly site: Site;
  readonly offers: Offers;
  readonly renewer: Renewer;
  readonly uplink: Uplink;
  readonly events: ConnectorEvents;
  readonly log: Log;
}

/** Never throws. */
export async function takeStateOver(options: StateChangesOptions): Promise<void> {
  const { site, offers, log } = options;
  try {
    const before = await site.reload();
    useMembership(before, options);
    await offers.reload();
  } catch (thrown) {
    const { code, message } = asFairleadError(thrown, "state.corrupt");
    log.warn({ code }, `What another connector of the site stored cannot be used: ${message}`);
  }
}

function useMembership(before: Membership, { site, renewer, uplink, events }: StateChangesOptions): void {
  const after = site.membership;
  const { api, gateway } = before.edge;
  if (after.edge.api !== api || after.edge.gateway !== gateway) {
    events.emit("edgeMoved");
    return;
  }
  if (after.chain !== before.chain) renewer.plan();
  const presented = ({ chain, links }: Membership) => [chain, ...links.map(({ id }) => id)].sort().join();
  if (presented(after) !== presented(before)) void uplink.replace();
}
