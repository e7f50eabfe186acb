/** The compiled code of this program, which a later start takes over: a quarter of the start of a command. */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { dirname, join } from "node:path";

/**
 * Keeps compiled code in `fairlead` in XDG_CACHE_HOME or ~/.cache. Node compares it with the length and a checksum of
 * the source only, so whoever writes there decides what the next start runs: no directory on the way, from the home on,
 * may belong to another user or be writable for others. Without such a place, as on a read-only file system or without a
 * home, nothing is kept. NODE_COMPILE_CACHE names another place, and NODE_DISABLE_COMPILE_CACHE turns it off.
 */
export function useCompileCache(
  env: NodeJS.ProcessEnv,
  enable: (directory: string) => void = enableCompileCache,
): void {
  if (env.NODE_COMPILE_CACHE || env.NODE_DISABLE_COMPILE_CACHE) return;
  const { HOME, XDG_CACHE_HOME } = env;
  const cache = XDG_CACHE_HOME || (HOME && join(HOME, ".cache"));
  if (!cache) return;
  const directory = join(cache, "fairlead");
  try {
    // In a home of another user, as under sudo, nothing is made either.
    if (!XDG_CACHE_HOME && !isOwn(dirname(cache))) return;
    // One at a time: `recursive` never ends where the system takes no directory, as in /proc (Node 24.21).
    for (const each of [cache, directory]) if (!existsSync(each)) mkdirSync(each, { mode: 0o700 });
    if (isOwn(cache) && isOwn(directory)) enable(directory);
  } catch {
    // A start is slower without it, and no more.
  }
}

/** Whether a directory belongs to this user, and nobody else can write there. */
function isOwn(directory: string): boolean {
  const { uid, mode } = statSync(directory);
  return uid === process.getuid?.() && (mode & 0o022) === 0;
}
