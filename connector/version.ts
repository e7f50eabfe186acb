/** The version of this program: that of the package it was installed with. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as z from "zod";

const Package = z.object({ name: z.literal("fairlead"), version: z.string() });

/** Set by the build of the single file (scripts/single-file.ts), which has no package.json. */
declare const FAIRLEAD_VERSION: string | undefined;

/** Reads it from the nearest package.json above this file, built (dist/) or not (connector/cli/). */
export function version(): string {
  if (typeof FAIRLEAD_VERSION === "string") return FAIRLEAD_VERSION;
  for (let at = import.meta.dirname; ; at = dirname(at)) {
    try {
      const found = Package.safeParse(JSON.parse(readFileSync(join(at, "package.json"), "utf8")));
      if (found.success) return found.data.version;
    } catch {
      // Not here; further up.
    }
    if (dirname(at) === at) return "unknown";
  }
}
