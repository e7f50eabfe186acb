/** Creates directories without Node's recursive mode. */
import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { errnoOf } from "./errors.ts";

/**
 * Creates a directory and its missing parents, with mode 0700. The mode of an existing directory is not changed.
 *
 * `mkdir` with `recursive` never returns where the system reports ENOENT for a parent that exists, such as /proc or a
 * bind mount without its source (Node 24.21, libuv's mkdirp).
 * @throws Error of the operating system; ENOTDIR if the path is a file
 */
export function makeDirectory(path: string): void {
  const directory = resolve(path);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    const code = errnoOf(error);
    const parent = dirname(directory);
    if (code === "ENOENT" && parent !== directory) {
      makeDirectory(parent);
      mkdirSync(directory, { mode: 0o700 });
      return;
    }
    // Some file systems report EROFS or EACCES for a directory that exists.
    if (code === "ENOENT" || !statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
