/** Which instance gets the next stream. */

import { DEFAULT_LINK_COST } from "../../protocol/names.ts";
import type { VisibleOffer } from "../../protocol/uplink/messages.ts";

export interface Load {
  /** Streams open to the instance. */
  readonly streams: number;
  /** Whether a session to it is up, so that a stream needs no new one. */
  readonly session: boolean;
  /** Whether it failed a moment ago. */
  readonly failing: boolean;
}

/**
 * The instances in the order in which they are tried: those that failed a moment ago last; then by what the way to
 * them costs and the streams open to them, added up, so that the cheapest gets all until its streams outweigh the
 * difference; where that is equal the cheaper one, then those with a session, then by site and boot, so that the
 * order is the same every time.
 */
export function inOrder<T extends VisibleOffer>(instances: readonly T[], load: (instance: T) => Load): T[] {
  return instances
    .map((instance) => ({ ...load(instance), instance, cost: instance.cost ?? DEFAULT_LINK_COST }))
    .sort(
      (left, right) =>
        Number(left.failing) - Number(right.failing) ||
        left.cost + left.streams - (right.cost + right.streams) ||
        left.cost - right.cost ||
        Number(right.session) - Number(left.session) ||
        compare(left.instance.site, right.instance.site) ||
        compare(left.instance.boot, right.instance.boot),
    )
    .map(({ instance }) => instance);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
