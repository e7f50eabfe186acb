/** Points in time in the API. */
import * as z from "zod";

/** A point in time: ISO 8601 in UTC. */
export const Timestamp = z.iso.datetime();
