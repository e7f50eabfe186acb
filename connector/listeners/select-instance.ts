/** Selects the instance that gets the next stream. */
import { compareText } from "../../protocol/compare-text.ts";
import { DEFAULT_LINK_COST } from "../../protocol/names.ts";
import type { VisibleOffer } from "../../protocol/uplink/messages.ts";

export interface Load {
  /** Streams open to the instance. */
  readonly streams: number;
  /** Whether a session with the instance is up, so that a stream needs no new one. */
  readonly session: boolean;
  /** Whether the instance failed a moment ago. */
  readonly failing: boolean;
}

/**
 * The best instance; undefined when there are none. An instance that failed a moment ago comes after all others. Then
 * the sum of link cost and open streams decides, so that the cheapest instance gets every stream until its streams
 * outweigh the difference. Among equal sums: the cheaper instance, one with a session, the order of site and boot id.
 */
export function selectInstance<T extends VisibleOffer>(
  instances: Iterable<T>,
  loadOf: (instance: T) => Load,
): T | undefined {
  let best: Candidate<T> | undefined;
  for (const instance of instances) {
    const candidate = { instance, load: loadOf(instance), cost: instance.cost ?? DEFAULT_LINK_COST };
    if (best === undefined || compare(candidate, best) < 0) best = candidate;
  }
  return best?.instance;
}

interface Candidate<T> {
  readonly instance: T;
  readonly load: Load;
  readonly cost: number;
}

function compare(left: Candidate<VisibleOffer>, right: Candidate<VisibleOffer>): number {
  return (
    Number(left.load.failing) - Number(right.load.failing) ||
    left.cost + left.load.streams - (right.cost + right.load.streams) ||
    left.cost - right.cost ||
    Number(right.load.session) - Number(left.load.session) ||
    compareText(left.instance.site, right.instance.site) ||
    compareText(left.instance.boot, right.instance.boot)
  );
}
