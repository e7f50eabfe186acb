/** Finds the name that a user may have meant. */

/** Most edits between two names that count as near. */
const MOST_EDITS = 2;

/** The nearest of `names` to a name that is none of them; null when none is near. */
export function nearName(name: string, names: Iterable<string>): string | null {
  let best: { readonly name: string; readonly edits: number } | null = null;
  for (const other of names) {
    // Short names differ from most others by two edits.
    const most = Math.min(MOST_EDITS, Math.floor(Math.min(name.length, other.length) / 2));
    if (Math.abs(other.length - name.length) > most) continue;
    const edits = editsBetween(name, other);
    if (edits <= most && (best === null || edits < best.edits)) best = { name: other, edits };
  }
  return best?.name ?? null;
}

/** The Levenshtein distance of two names. */
function editsBetween(left: string, right: string): number {
  let above = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (const [row, character] of [...left].entries()) {
    const current = [row + 1];
    for (let column = 0; column < right.length; column++) {
      const replaced = (above[column] ?? 0) + (character === right[column] ? 0 : 1);
      current.push(Math.min(replaced, (above[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    above = current;
  }
  return above[right.length] ?? 0;
}
