/**
 * Versions of the wire formats. Each side names the range it speaks; the highest common version is used.
 *
 * uplink 1, session 1 (2026-11): the first.
 */
import { z } from "zod";

/** The versions of a wire format that a side speaks, both ends included. */
export const VersionRange = z.object({ min: z.number().int().min(1), max: z.number().int().min(1) });
export type VersionRange = z.infer<typeof VersionRange>;

export const UPLINK_VERSIONS: VersionRange = { min: 1, max: 1 };
export const SESSION_VERSIONS: VersionRange = { min: 1, max: 1 };

/** The highest version that both ranges hold, or null when they share none. */
export function negotiate(ours: VersionRange, theirs: VersionRange): number | null {
  const version = Math.min(ours.max, theirs.max);
  return version >= Math.max(ours.min, theirs.min) ? version : null;
}
