/** Between two tests: every object empty. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { openDirectory } from "../../../workers/directory/facade.ts";

/**
 * Empties every object. `reset` alone passes over an object that was not called for 10 s, which the runtime has
 * unloaded (@cloudflare/vitest-plugin 1.5.0): a test that was slow left its networks to the next. The directory is
 * the only object with a name that another test uses, so it is called first.
 */
export async function resetEdge(): Promise<void> {
  await openDirectory(env.DIRECTORY).listNetworks();
  await reset();
}
