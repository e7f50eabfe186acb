/**
 * Versions of the wire formats (docs/protocol.md, "Versions"). Each side names the range that it speaks, and
 * both use the highest common version.
 *
 * Uplink 1 and session 1 (2026-11) are the first.
 */
import * as z from "zod";

/** A range of versions, both ends included. */
export const VersionRange = z.object({ min: z.number().int().min(1), max: z.number().int().min(1) });
export type VersionRange = z.infer<typeof VersionRange>;

/** The versions of the uplink that this implementation speaks. */
export const UPLINK_VERSIONS: VersionRange = { min: 1, max: 1 };
/** The versions of the session that this implementation speaks. */
export const SESSION_VERSIONS: VersionRange = { min: 1, max: 1 };

/** The highest version in both ranges; null when they have none in common. */
export function negotiate(ours: VersionRange, theirs: VersionRange): number | null {
  const version = Math.min(ours.max, theirs.max);
  return version >= Math.max(ours.min, theirs.min) ? version : null;
}
