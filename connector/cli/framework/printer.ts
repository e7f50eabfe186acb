/** Prints the output of commands: lines, tables that fit the terminal, and colours. */
import { stripVTControlCharacters, styleText } from "node:util";
import { visible } from "../../../protocol/text.ts";
import type { Output } from "./io.ts";

export type Colour = "green" | "yellow" | "red" | "dim" | "bold" | "cyan";

/** Whether `output` gets colours: it is a terminal, and NO_COLOR is not set (https://no-color.org). */
export function wantsColour(output: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  return output.isTTY && !env.NO_COLOR && env.TERM !== "dumb";
}

/** Columns of space between two cells. */
const GAP = 2;
/** The least width of a column. */
const NARROWEST = 8;

export class Printer {
  readonly #output: Output;
  readonly #colour: boolean;

  constructor(output: Output, env: Readonly<Record<string, string | undefined>>) {
    this.#output = output;
    this.#colour = wantsColour(output, env);
  }

  /** Writes one line. Control characters in the text are escaped, so that it stays one line. */
  line(text = ""): void {
    this.#output.write(`${onOneLine(text, this.#colour)}\n`);
  }

  /** Writes the text unchanged. */
  raw(text: string): void {
    this.#output.write(text);
  }

  /** Colours the text, if this output has colours. */
  paint(colour: Colour, text: string): string {
    return this.#colour ? styleText(colour, text, { validateStream: false }) : text;
  }

  /** Colours the word of a state: green for good, red for bad, dim otherwise. */
  state(state: string): string {
    if (state === "up" || state === "good" || state === "listening") return this.paint("green", state);
    return this.paint(state === "down" || state === "failed" ? "red" : "dim", state);
  }

  /** Writes a table with a heading. On a terminal, its lines fit the terminal's width. */
  table(titles: readonly string[], cells: readonly (readonly string[])[]): void {
    // Leave out columns without content.
    const shown = titles.map((_, column) => cells.length === 0 || cells.some((row) => row[column]));
    const head = titles.filter((_, column) => shown[column]);
    const rows = cells.map((row) => row.filter((_, column) => shown[column]));
    const natural = head.map((title, column) =>
      Math.max(title.length, ...rows.map((row) => plainLength(row[column] ?? ""))),
    );
    const widths = fitColumns(natural, this.#output.columns);
    const print = (cells: readonly string[]) => {
      const lines = widths.map((width, column) => wrap(cells[column] ?? "", width));
      const height = Math.max(...lines.map((each) => each.length));
      for (let at = 0; at < height; at++) {
        const padded = lines.map((each, column) => pad(each[at] ?? "", widths[column] ?? 0));
        this.line(padded.join(" ".repeat(GAP)).trimEnd());
      }
    };
    print(head.map((title) => this.paint("bold", title)));
    for (const row of rows) print(row);
  }

  /** Writes labels with their values, aligned. Entries without a value are left out. */
  details(entries: readonly (readonly [label: string, value: string | undefined])[]): void {
    const known = entries.filter(([, text]) => text !== undefined && text !== "");
    const width = Math.max(0, ...known.map(([label]) => label.length));
    for (const [label, text] of known) this.line(`  ${this.paint("dim", label.padEnd(width))}  ${text}`);
  }
}

/** Escapes the control characters of a text, except for the colours of this file. */
function onOneLine(text: string, colour: boolean): string {
  if (!colour) return visible(text);
  return text
    .split(OWN_COLOURS)
    .map((part, at) => (at % 2 === 1 ? part : visible(part)))
    .join("");
}

/** The codes that start and end each {@link Colour}. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours start with ESC
const OWN_COLOURS = /(\x1b\[(?:1|2|22|31|32|33|36|39)m)/;

const plainLength = (text: string) => stripVTControlCharacters(text).length;
const pad = (text: string, width: number) => text + " ".repeat(Math.max(0, width - plainLength(text)));

/** A coloured text: the start of the colour, the text, the end of the colour. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours start with ESC
const PAINTED = /^(\x1b\[\d+m)([^\x1b]*)(\x1b\[\d+m)$/;

/**
 * Breaks a text into lines of at most `width` columns: at spaces, or anywhere in a word that is too long, because names
 * and ids must stay complete. The lines of a coloured text are coloured.
 */
export function wrap(text: string, width: number): string[] {
  const [, start = "", plain = text, end = ""] = PAINTED.exec(text) ?? [];
  const lines: string[] = [];
  let rest = plain;
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    const at = space > 0 ? space : width;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...lines, rest].map((line) => (line === "" ? line : start + line + end));
}

/** Fits columns of `natural` widths into `available` columns by narrowing the widest first. */
export function fitColumns(natural: readonly number[], available: number | undefined): number[] {
  const widths = [...natural];
  if (available === undefined) return widths;
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1) - available;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    const width = widths[widest] ?? 0;
    if (width <= NARROWEST) break;
    widths[widest] = width - 1;
    excess -= 1;
  }
  return widths;
}
