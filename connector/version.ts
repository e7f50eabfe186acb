/** The version of this program: that of the package it was installed with. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";

const Package = z.object({ name: z.literal("fairlead"), version: z.string() });

/** Reads it from the nearest package.json above this file, built (dist/) or not (connector/cli/). */
export function version(): string {
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
