/** Chooses the target of a connection or a request. */

/** What the choice depends on. */
export interface Candidate {
  /** The host as the configuration names it. */
  readonly host: string;
  readonly port: number;
  /** The place of the address's family among those of the host; the lowest that is up is used. */
  readonly rank: number;
  readonly isUp: boolean;
  /** Whether nothing failed since the last success. */
  readonly isSound: boolean;
  /** Connections and requests in progress. */
  readonly open: number;
}

/**
 * Chooses the target with the fewest connections and requests in progress, at random among equals. Targets that failed
 * lately come after all others. A target that is down is chosen only while every target is down: then the attempt tells
 * the peer what is wrong, and finds a target that has just returned.
 * @param tried targets that failed this client already
 * @param random 0 ≤ random() < 1
 * @returns null if no target is left
 */
export function selectTarget<T extends Candidate>(
  targets: readonly T[],
  tried: ReadonlySet<T>,
  random: () => number,
): T | null {
  const [only] = targets;
  if (targets.length === 1 && only !== undefined) return tried.has(only) ? null : only;
  const up = targets.filter(({ isUp }) => isUp);
  let best: T[] = [];
  for (const target of up.length > 0 ? firstFamilies(up, tried) : targets) {
    if (tried.has(target)) continue;
    const order = best[0] === undefined ? -1 : compare(target, best[0]);
    if (order < 0) best = [target];
    else if (order === 0) best.push(target);
  }
  return best[Math.floor(random() * best.length)] ?? null;
}

/** The targets without those whose host has an address of an earlier family that this client can still try. */
function firstFamilies<T extends Candidate>(targets: readonly T[], tried: ReadonlySet<T>): readonly T[] {
  if (targets.every(({ rank }) => rank === 0)) return targets;
  const place = ({ host, port }: Candidate) => `${host} ${port}`;
  const lowest = new Map<string, number>();
  for (const target of targets) {
    if (tried.has(target)) continue;
    lowest.set(place(target), Math.min(target.rank, lowest.get(place(target)) ?? target.rank));
  }
  return targets.filter((target) => lowest.get(place(target)) === target.rank);
}

function compare(left: Candidate, right: Candidate): number {
  return Number(right.isSound) - Number(left.isSound) || left.open - right.open;
}
