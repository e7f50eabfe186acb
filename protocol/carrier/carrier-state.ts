/**
 * The states of a carrier (docs/protocol.md, "Version 2").
 *
 *     joining ──lane──▶ up ──lanes lost or silent──▶ resuming ──lane──▶ up
 *                       up ──park──▶ parking ──both parked, lanes lost──▶ parked ──lane──▶ up
 *                                    parking ──bytes──▶ up                parked ──bytes──▶ resuming
 *     any ──end, abort──▶ ended
 *
 * A "joining" carrier has had no lane yet. A "resuming" carrier needs lanes and has none that replies. A
 * "parked" carrier has no lanes and needs none.
 */
export type CarrierState = "joining" | "up" | "resuming" | "parking" | "parked" | "ended";

const TRANSITIONS: Record<CarrierState, readonly CarrierState[]> = {
  joining: ["up", "ended"],
  up: ["resuming", "parking", "parked", "ended"],
  resuming: ["up", "parked", "ended"],
  parking: ["up", "parked", "resuming", "ended"],
  parked: ["up", "resuming", "ended"],
  ended: [],
};

/** Whether the table allows the transition. */
export function canTransition(from: CarrierState, to: CarrierState): boolean {
  return TRANSITIONS[from].includes(to);
}
