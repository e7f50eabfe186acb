/**
 * Selects the instance that gets the next stream or request of a service (docs/protocol.md, "Selection of an
 * instance"). The decision is pure: loads, failures, turns
 * and randomness are passed in.
 */
import type { BalanceMode } from "../../protocol/balance.ts";

/** What the selection knows of an instance. */
export interface Candidate {
  /** The sum of the link costs to the instance; 0 for the targets of this connector itself. */
  readonly cost: number;
  /** Streams and requests of the service that are open at the instance. */
  readonly open: number;
  /** Whether the instance is this connector itself. */
  readonly own: boolean;
  /** Share of the clients under `weighted`, relative to the weights of the others. */
  readonly weight: number;
  /** Place of the instance's site under `priority`; the lowest comes first. */
  readonly rank: number;
  /** Whether streams to the instance, or to the service there, failed a moment ago. */
  readonly failing: boolean;
  /** Whether the instance is ejected for answers of a failing target. */
  readonly ejected: boolean;
  /** The lowest has waited longest for its turn; see {@link Turns}. */
  readonly turn: number;
}

/**
 * The best candidate; undefined when there are none. An ejected one comes after those that are in use, and one that
 * failed a moment ago after all others. Then:
 *
 * - `cost`: the lowest sum of cost and open requests, so that the cheapest instance gets every request until its open
 *   requests outweigh the difference. Among equal sums the cheaper instance, then this connector itself.
 * - `priority`: the lowest rank. Among equal ranks as `cost`.
 * - `weighted`: a weight above 0, then the turn alone, which follows the weights.
 *
 * Among equals the turn decides, and among equal turns chance.
 *
 * @param random returns a number of at least 0 and below 1.
 */
export function selectInstance<T extends Candidate>(
  candidates: Iterable<T>,
  balance: BalanceMode,
  random: () => number,
): T | undefined {
  const compare = ORDERS[balance];
  let best: T | undefined;
  let equals = 0;
  for (const candidate of candidates) {
    const order = best === undefined ? -1 : compare(candidate, best);
    if (order > 0) continue;
    equals = order < 0 ? 1 : equals + 1;
    // Each of the equals is kept with the same chance, without a list of them.
    if (equals === 1 || random() * equals >= equals - 1) best = candidate;
  }
  return best;
}

type Order = (left: Candidate, right: Candidate) => number;

const ORDERS: Readonly<Record<BalanceMode, Order>> = {
  cost: (left, right) => tier(left) - tier(right) || byCost(left, right),
  priority: (left, right) => tier(left) - tier(right) || left.rank - right.rank || byCost(left, right),
  weighted: (left, right) =>
    tier(left) - tier(right) ||
    Number(left.weight === 0) - Number(right.weight === 0) ||
    left.turn - right.turn,
};

function tier({ failing, ejected }: Candidate): number {
  return (failing ? 2 : 0) + (ejected ? 1 : 0);
}

function byCost(left: Candidate, right: Candidate): number {
  return (
    left.cost + left.open - (right.cost + right.open) ||
    left.cost - right.cost ||
    Number(right.own) - Number(left.own) ||
    left.turn - right.turn
  );
}
