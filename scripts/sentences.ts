/** Lays out prose for Markdown: each sentence on a line of its own. */

/** The end of a sentence: punctuation after a word and before a capital or code. */
const END = /(?<=[a-z0-9)`"][.!?]) (?=[A-Z`-])/;

/** Splits a text into sentences. Text in code style is never split. */
export function sentences(text: string): string[] {
  const found: string[] = [];
  let open = "";
  for (const part of text === "" ? [] : text.split(END)) {
    open = open === "" ? part : `${open} ${part}`;
    // An odd number of marks: the split was inside code.
    if ((open.match(/`/g)?.length ?? 0) % 2 === 1) continue;
    found.push(open);
    open = "";
  }
  return open === "" ? found : [...found, open];
}
