/** Entries that a file system puts into the root of a volume, which a state directory may be. They are no state. */

const FOREIGN: ReadonlySet<string> = new Set([
  "lost+found",
  ".snapshot",
  ".snapshots",
  ".zfs",
  ".Trashes",
  ".DS_Store",
]);

/** The names in a directory without those of the file system. */
export function withoutForeign(names: readonly string[]): string[] {
  return names.filter((name) => !FOREIGN.has(name));
}
