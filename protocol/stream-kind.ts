/** The kind of a stream, which says what the stream carries (docs/protocol.md, "Fields of an OPEN"). */
import * as z from "zod";

/** The kind of an OPEN without `kind`: the bytes of one TCP connection. */
export const DEFAULT_KIND = "tcp";

/** The form of a kind's name. A connector refuses kinds that it does not serve. */
export const StreamKind = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "must be the name of a kind");
