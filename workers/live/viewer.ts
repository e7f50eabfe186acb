/** A viewer of a live channel, as the API hands it to the object of the channel. */
import * as z from "zod";

/** Header of an upgrade request with a {@link Viewer}. The API alone sets it, in requests of its own making. */
export const VIEWER_HEADER = "fairlead-viewer";

/** The most viewers of a channel of a network. */
export const MAX_VIEWERS = 50;

/** The longest message of a viewer, in UTF-16 code units. */
export const MAX_REQUEST = 8 * 1024;

/** What proved a viewer, in a form that can be looked up again. */
export const ViewerProof = z.discriminatedUnion("kind", [
  /** An API key, by the SHA-256 of its text, lower-case hex. */
  z.object({ kind: z.literal("key"), hash: z.string() }),
  /** A session of the console, by the SHA-256 of its id, lower-case hex. */
  z.object({ kind: z.literal("session"), hash: z.string() }),
  /** Nothing that can be looked up: an identity token, which expires, or the listener of a console without sign-in. */
  z.object({ kind: z.literal("none") }),
]);
export type ViewerProof = z.infer<typeof ViewerProof>;

/** A viewer. */
export const Viewer = z.object({
  /** The caller's name. */
  name: z.string(),
  proof: ViewerProof,
  /** When the proof ends, ms since 1970; null if it has no end of its own. */
  expiresAt: z.number().nullable(),
});
export type Viewer = z.infer<typeof Viewer>;
