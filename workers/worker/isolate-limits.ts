/** The limits of this isolate, which all entrypoints share. */
import { createLimits } from "../limits/limits.ts";

export const limits = createLimits();
