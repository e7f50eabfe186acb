/** What a step expects. A failure names what was expected and what was seen. */

/** The most of a text that a failure shows. */
const SHOWN = 2000;

/** Returns the text. @throws Error when it does not have the part */
export function expectText(text: string, part: string, where: string): string {
  if (text.includes(part)) return text;
  throw new Error(`${where}: expected "${part}", and saw:\n${text.slice(0, SHOWN)}`);
}

/** @throws Error when the values differ */
export function expectEqual<T extends string | number>(seen: T, expected: T, what: string): void {
  if (seen !== expected) throw new Error(`${what}: expected ${expected}, and saw ${seen}.`);
}
