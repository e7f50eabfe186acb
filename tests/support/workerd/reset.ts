/** Empties every object between two tests, and fills every limit. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { openDirectory } from "../../../workers/directory/facade.ts";
import { createLimits } from "../../../workers/limits/limits.ts";
import { limits } from "../../../workers/worker/isolate-limits.ts";

/**
 * Empties every object. `reset` alone skips an object that the runtime has unloaded after 10 s without a call
 * (@cloudflare/vitest-plugin 1.5.0). The directory is the only object whose name several tests use, so it is called
 * first.
 */
export async function resetEdge(): Promise<void> {
  await openDirectory(env.DIRECTORY).listNetworks();
  await reset();
  // Test files share an isolate: what a test used up must not be missing in another.
  Object.assign(limits, createLimits());
}
