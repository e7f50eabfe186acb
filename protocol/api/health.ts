/** The health of the API. */
import * as z from "zod";

/** The response of a healthy edge. */
export const Health = z.object({ status: z.literal("ok"), version: z.string() }).meta({ id: "Health" });
