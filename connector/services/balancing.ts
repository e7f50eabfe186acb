/** Which instance gets the next stream. */
import type { Instance } from "../../protocol/messages.ts";

export interface Load {
  /** Streams open to the instance. */
  readonly streams: number;
  /** Whether a session to it is up, so that a stream needs no new one. */
  readonly session: boolean;
  /** Whether it failed a moment ago. */
  readonly failing: boolean;
}

/**
 * The instances in the order in which they are tried: those that failed a moment ago last; fewest open
 * streams first, then those with a session, then by site and boot, so that the order is the same every time.
 */
export function inOrder<T extends Instance>(instances: readonly T[], load: (instance: T) => Load): T[] {
  return instances
    .map((instance) => ({ instance, ...load(instance) }))
    .sort(
      (left, right) =>
        Number(left.failing) - Number(right.failing) ||
        left.streams - right.streams ||
        Number(right.session) - Number(left.session) ||
        compare(left.instance.site, right.instance.site) ||
        compare(left.instance.boot, right.instance.boot),
    )
    .map(({ instance }) => instance);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
