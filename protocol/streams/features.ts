/** The features of a session, which HELLO names (docs/protocol.md, "Features of a session"). */

/** The names of the features. */
export const SESSION_FEATURE = {
  /** Streams may be opened with a `kind`; an unknown one is refused with `stream.kind_unsupported`. */
  openKind: "open-kind",
} as const;

/** A connector's feature in sessions with doors: it joins WebSockets of clients with those of its targets. */
export const DOOR_WEBSOCKET_FEATURE = "door-websocket";

/** Every feature of this implementation. */
export const SESSION_FEATURES: readonly string[] = Object.values(SESSION_FEATURE);

/** The features that both sides have. Unknown names of the peer are ignored. */
export function commonFeatures(
  ours: readonly string[] | undefined,
  theirs: readonly string[] | undefined,
): ReadonlySet<string> {
  const known = new Set(ours);
  return new Set(theirs?.filter((name) => known.has(name)));
}
