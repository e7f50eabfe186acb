/** Kinds of streams: what a stream carries (docs/protocol.md, "Frames"). */
import { z } from "zod";

/** The kind of an OPEN that names none: the bytes of one TCP connection. */
export const DEFAULT_KIND = "tcp";

/** The form of a kind's name. A connector refuses kinds that it does not serve. */
export const StreamKind = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "must be the name of a kind");
