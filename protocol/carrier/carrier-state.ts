/**
 * States of a pipe.
 *
 *     joining ──lane──▶ up ──lanes lost, silent──▶ resuming ──lane──▶ up
 *                       up ──park──▶ parking ──both parked, lanes lost──▶ parked ──lane──▶ up
 *                                    parking ──bytes──▶ up                parked ──bytes──▶ resuming
 *     any ──end, abort──▶ ended
 *
 * "joining" has had no lane yet. "resuming" has none that answers and wants one. "parked" has none and wants none.
 */
export type CarrierState = "joining" | "up" | "resuming" | "parking" | "parked" | "ended";

const MOVES: Record<CarrierState, readonly CarrierState[]> = {
  joining: ["up", "ended"],
  up: ["resuming", "parking", "parked", "ended"],
  resuming: ["up", "parked", "ended"],
  parking: ["up", "parked", "resuming", "ended"],
  parked: ["up", "resuming", "ended"],
  ended: [],
};

export function mayMove(from: CarrierState, to: CarrierState): boolean {
  return MOVES[from].includes(to);
}
