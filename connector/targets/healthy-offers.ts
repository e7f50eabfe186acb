/** The offers of this site as its registry gets them while targets are down. */
import type { Offer } from "../../protocol/uplink/messages.ts";
import type { Withdrawal } from "./offer-health.ts";

export interface HealthyOffersOptions {
  /** What is withdrawn of a service; null if nothing is. */
  readonly withdrawn: (service: string) => Withdrawal | null;
  /** The port of a service in the network, where it is not the one that the site proposes. */
  readonly portOf: (service: string) => number | undefined;
  /** Whether the edge takes notice of ports that are down (its feature "ports"). */
  readonly edgeKnowsDown: boolean;
}

/**
 * The offers with the ports that are down (docs/protocol.md, "The targets of a service"). An edge that takes no notice of
 * them knows one port of a service, and gets no offer whose first port is down.
 */
export function healthyOffers(
  offers: readonly Offer[],
  { withdrawn, portOf, edgeKnowsDown }: HealthyOffersOptions,
): Offer[] {
  return offers.flatMap((offer): Offer[] => {
    const withdrawal = withdrawn(offer.name);
    if (withdrawal === null) return [offer];
    if (!edgeKnowsDown) return withdrawal.down.includes(0) ? [] : [offer];
    const ports = offer.ports?.map(({ port }) => port) ?? [portOf(offer.name) ?? offer.port];
    const down = withdrawal.down.flatMap((place) => ports[place] ?? []);
    return [{ ...offer, down, why: withdrawal.code }];
  });
}
