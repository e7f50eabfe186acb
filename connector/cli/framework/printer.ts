/** Prints the output of commands: lines and tables that fit the terminal, and colours. Other outputs get whole lines. */
import { styleText } from "node:util";
import { visible } from "../../../protocol/text.ts";
import type { Output } from "./io.ts";
import {
  fitColumns,
  layOutRow,
  proseColumns,
  tableColumns,
  widthOf,
  wrapCommand,
  wrapProse,
} from "./layout.ts";

export type Colour = "green" | "yellow" | "red" | "dim" | "bold" | "cyan";

/** Whether `output` gets colours: it is a terminal, and NO_COLOR is not set (https://no-color.org). */
export function wantsColour(output: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  return output.isTTY && !env.NO_COLOR && env.TERM !== "dumb";
}

export class Printer {
  readonly #output: Output;
  readonly #colour: boolean;

  constructor(output: Output, env: Readonly<Record<string, string | undefined>>) {
    this.#output = output;
    this.#colour = wantsColour(output, env);
  }

  /**
   * Writes a sentence as one line. On a terminal it is wrapped at spaces, to 80 columns at most. Control characters in
   * the text are escaped, so that it stays one line elsewhere.
   * @param hang columns before the second and further lines; the indent of the text by default
   */
  line(text = "", hang?: number): void {
    const line = onOneLine(text, this.#colour);
    const { columns } = this.#output;
    this.#write(columns === undefined ? [line] : wrapProse(line, proseColumns(columns), hang));
  }

  /** Writes a command to copy, indented. On a terminal its lines end with backslashes. */
  command(text: string): void {
    const line = onOneLine(text, this.#colour);
    const { columns } = this.#output;
    const indent = 2;
    this.#write(
      columns === undefined
        ? [`${" ".repeat(indent)}${line}`]
        : wrapCommand(line, proseColumns(columns), indent),
    );
  }

  /** Writes one line that is never wrapped. Control characters in the text are escaped. */
  verbatim(text: string): void {
    this.#write([onOneLine(text, this.#colour)]);
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

  /**
   * Writes a table with a heading. On a terminal, its lines fit the terminal's width: the widest columns are narrowed,
   * and where even that is too wide, each row is written as labels with their values.
   * @param width of the lines on other outputs; whole lines unless given
   */
  table(titles: readonly string[], cells: readonly (readonly string[])[], width?: number): void {
    // Leave out columns without content.
    const shown = titles.map((_, column) => cells.length === 0 || cells.some((row) => row[column]));
    const head = titles.filter((_, column) => shown[column]);
    const rows = cells.map((row) =>
      row.filter((_, column) => shown[column]).map((cell) => onOneLine(cell, this.#colour)),
    );
    const natural = head.map((title, column) =>
      Math.max(title.length, ...rows.map((row) => widthOf(row[column] ?? ""))),
    );
    const columns = this.#output.columns ?? width;
    const widths = columns === undefined ? natural : fitColumns(natural, tableColumns(columns));
    if (widths === null) {
      for (const [at, row] of rows.entries()) {
        if (at > 0) this.line();
        this.details(head.map((title, column) => [title, row[column]]));
      }
      return;
    }
    this.#write(
      layOutRow(
        head.map((title) => this.paint("bold", title)),
        widths,
      ),
    );
    for (const row of rows) this.#write(layOutRow(row, widths));
  }

  /** Writes labels with their values, aligned. Entries without a value are left out. */
  details(entries: readonly (readonly [label: string, value: string | undefined])[]): void {
    const known = entries.filter(([, text]) => text !== undefined && text !== "");
    const width = Math.max(0, ...known.map(([label]) => label.length));
    for (const [label, text] of known) {
      this.line(`  ${this.paint("dim", label.padEnd(width))}  ${text}`, width + 4);
    }
  }

  #write(lines: readonly string[]): void {
    this.#output.write(`${lines.join("\n")}\n`);
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
