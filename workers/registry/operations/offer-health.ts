/** Events about the health of services: the ports whose targets are all down at an instance, and their return. */
import { ERRORS, type ErrorCode, isErrorCode } from "../../../protocol/errors.ts";
import { instanceKey } from "../../../protocol/instance-id.ts";
import type { Context } from "../context/context.ts";
import type { StoredOffer } from "../policy/offers.ts";
import type { EventText } from "../store/events.ts";

/** The accepted offers of services that changed, by service. */
export interface AcceptedOffers {
  readonly acceptedBefore: ReadonlyMap<string, readonly StoredOffer[]>;
  readonly acceptedAfter: ReadonlyMap<string, readonly StoredOffer[]>;
}

const STOPPING: ErrorCode = "service.draining";

/** Records an event for each instance whose targets of a service went down or came back. */
export function noteHealth(context: Context, { acceptedBefore, acceptedAfter }: AcceptedOffers): void {
  const sites = new Map<string, { name: string; down: EventText[]; up: EventText[] }>();
  for (const [service, offers] of acceptedAfter) {
    const former = new Map(acceptedBefore.get(service)?.map((offer) => [instanceKey(offer.instance), offer]));
    for (const offer of offers) {
      const { site, siteName } = offer.instance;
      const before = downOf(former.get(instanceKey(offer.instance)));
      const after = downOf(offer);
      const fell = after.filter((port) => !before.includes(port));
      const rose = before.filter((port) => !after.includes(port));
      // A process that stops has its ports down until its successor is there: that is no failure of a target.
      const isStopping = offer.downCode === STOPPING;
      if (isStopping || fell.length + rose.length === 0) continue;
      const events = sites.get(site) ?? { name: siteName, down: [], up: [] };
      sites.set(site, events);
      if (fell.length > 0) events.down.push(downText(offer, fell));
      if (rose.length > 0) events.up.push({ text: `A target of ${subject(offer, rose)} is up again.` });
    }
  }
  for (const [owner, { name, down, up }] of sites) {
    const facts = { site: name, actor: name, owner };
    context.events("service.unhealthy", down, facts);
    context.events("service.healthy", up, facts);
  }
}

/** The ports of an accepted offer that are down. */
function downOf(offer: StoredOffer | undefined): readonly number[] {
  if (offer === undefined) return [];
  const { ports, routing } = offer;
  return ports.map(({ port }) => port).filter((port) => routing.down?.includes(port));
}

function downText(offer: StoredOffer, ports: readonly number[]): EventText {
  const { downCode: code } = offer;
  const why = code !== null && isErrorCode(code) ? ` ${ERRORS[code].meaning}` : "";
  return {
    text: `All targets of ${subject(offer, ports)} are down.${why}`,
    ...(code === null ? {} : { code }),
  };
}

function subject({ service, instance, ports }: StoredOffer, named: readonly number[]): string {
  const which =
    named.length === ports.length ? "" : `${named.length > 1 ? "ports" : "port"} ${named.join(", ")} of `;
  return `${which}service ${service} at site ${instance.siteName}`;
}
