/** Fits text into the columns of a terminal. */
import { stripVTControlCharacters } from "node:util";

/** Columns of a terminal that does not tell its width, and the most of a line of prose. */
export const PROSE_COLUMNS = 80;
/** The least width that lines are fitted into. Lines on a narrower terminal are longer than its width. */
const LEAST_COLUMNS = 40;
/** Columns of space between two cells of a table. */
const GAP = 2;
/** The least width of a column of a table. */
const NARROWEST = 12;
/** The least width of the text beside its hanging indent. */
const LEAST_TEXT = 28;

/** Returns the width of tables on a terminal of `columns`. Some terminals report a width of 0. */
export const tableColumns = (columns: number) => Math.max(LEAST_COLUMNS, columns || PROSE_COLUMNS);

/** Returns the width of prose on a terminal of `columns`. */
export const proseColumns = (columns: number) => Math.min(PROSE_COLUMNS, tableColumns(columns));

const ASCII = /^[\x20-\x7e]*$/;
/** Characters of two columns: East Asian wide and fullwidth forms, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;

let graphemes: Intl.Segmenter | undefined;

/** Splits a text into the characters that a terminal shows. The first one costs 9 ms, so none is made for ASCII. */
function charactersOf(text: string): string[] {
  graphemes ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

/** Returns the columns that a text takes on a terminal. Colours take none. */
export function widthOf(text: string): number {
  const plain = stripVTControlCharacters(text);
  if (ASCII.test(plain)) return plain.length;
  return charactersOf(plain).reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);
}

/** Pads a text with spaces at its end. */
const pad = (text: string, width: number) => text + " ".repeat(Math.max(0, width - widthOf(text)));

/** A word with the spaces before it. A command in backticks is one word, so that it can be copied. */
const WORDS = /\s*(?:`[^`]*`|\S)+/g;
const PARTS = /\s*\S+/g;
/** The indent of a line, with the marker of a list item or a label such as `do:`. */
const HANG = /^ *(?:(?:-|\d+\.|✓|[a-z]+:) +)?/;

/**
 * Wraps a sentence at spaces. A word that is wider than a line stays whole: names, URLs and paths can be copied.
 * @param hang columns before the second and further lines; the indent of the text with its marker by default
 */
export function wrapProse(
  text: string,
  width: number,
  hang: number = HANG.exec(stripVTControlCharacters(text))?.[0].length ?? 0,
): string[] {
  const longest = Math.max(0, ...(text.match(PARTS) ?? []).map((word) => widthOf(word.trimStart())));
  // The indent gives way to a long word, if that makes it fit.
  const least = longest > width ? LEAST_TEXT : Math.max(LEAST_TEXT, longest);
  const indent = Math.min(hang, Math.max(0, width - least));
  const words = (text.match(WORDS) ?? []).flatMap((word) =>
    widthOf(word.trimStart()) > width - indent ? (word.match(PARTS) ?? []) : [word],
  );
  return fill(words, width, " ".repeat(indent));
}

/** A word of a shell with the spaces before it. Quoted spaces belong to the word. */
const SHELL_WORDS = /\s*(?:'[^']*'|"[^"]*"|\S)+/g;

/** Wraps a command of a shell. A backslash ends every line but the last. */
export function wrapCommand(command: string, width: number, indent: number): string[] {
  const lead = " ".repeat(indent);
  const words = `${lead}${command}`.match(SHELL_WORDS) ?? [];
  if (widthOf(command) + indent <= width) return [`${lead}${command}`];
  const lines = fill(words, width - 2, " ".repeat(indent + 4));
  return lines.map((line, at) => (at === lines.length - 1 ? line : `${line} \\`));
}

/** Fills lines with words, each with the spaces before it. */
function fill(words: readonly string[], width: number, indent: string): string[] {
  const [first = "", ...rest] = words;
  const lines = [first];
  let used = widthOf(first);
  for (const word of rest) {
    const more = widthOf(word);
    if (used + more <= width) {
      lines[lines.length - 1] += word;
      used += more;
    } else {
      lines.push(indent + word.trimStart());
      used = widthOf(lines.at(-1) ?? "");
    }
  }
  return lines;
}

/** A coloured text: the start of the colour, the text, the end of the colour. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours start with ESC
const PAINTED = /^(\x1b\[\d+m)([^\x1b]*)(\x1b\[\d+m)$/;

/**
 * Breaks the text of a cell into lines of at most `width` columns: at spaces, or anywhere in a word that is too wide,
 * because names and ids must stay complete. The lines of a coloured text are coloured.
 */
export function wrapCell(text: string, width: number): string[] {
  const [, start = "", plain = text, end = ""] = PAINTED.exec(text) ?? [];
  const words = (plain.match(PARTS) ?? []).flatMap((word) => pieces(word, width));
  return fill(words, width, "").map((line) => (line === "" ? line : start + line + end));
}

/** Cuts a word that is wider than `width`. */
function pieces(word: string, width: number): string[] {
  if (widthOf(word.trimStart()) <= width) return [word];
  const cut = [""];
  for (const character of charactersOf(word.trimStart())) {
    const last = cut.at(-1) ?? "";
    if (widthOf(last) + widthOf(character) > width) cut.push(character);
    else cut[cut.length - 1] = last + character;
  }
  const [first = "", ...rest] = cut;
  return [(word.match(/^\s*/)?.[0] ?? "") + first, ...rest];
}

/**
 * Fits columns of `natural` widths into `available` columns by narrowing the widest first.
 * @returns null if columns would become too narrow to be read
 */
export function fitColumns(natural: readonly number[], available: number): number[] | null {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1) - available;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    const width = widths[widest] ?? 0;
    if (width <= NARROWEST) return null;
    widths[widest] = width - 1;
    excess -= 1;
  }
  return widths;
}

/** Lays out a row of a table, whose height is that of its tallest cell. */
export function layOutRow(cells: readonly string[], widths: readonly number[]): string[] {
  const lines = widths.map((width, column) => wrapCell(cells[column] ?? "", width));
  const height = Math.max(0, ...lines.map((each) => each.length));
  return Array.from({ length: height }, (_, at) =>
    lines
      .map((each, column) => pad(each[at] ?? "", widths[column] ?? 0))
      .join(" ".repeat(GAP))
      .trimEnd(),
  );
}
