/** Commands that do what a page does. */

/** A word as a POSIX shell takes it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The text of a command: `fairlead` and its words. */
export function fairlead(...words: readonly string[]): string {
  return ["fairlead", ...words].map(shellWord).join(" ");
}
