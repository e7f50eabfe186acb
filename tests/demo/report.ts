/** The report of the demo: lines for each step that fit the terminal, or one JSON document at the end. */
import { styleText } from "node:util";
import { PROSE_COLUMNS, proseColumns, wrapCommand, wrapProse } from "../../connector/cli/framework/layout.ts";

export interface Step {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  /** One sentence, or the error of a failed step. */
  readonly detail: string;
  /** The commands of the step, where the demo shows them. */
  readonly commands?: readonly ShownCommand[];
}

/** A command of the step with what it printed. */
export interface ShownCommand {
  /** Where it ran: the name of a site, or "operator". */
  readonly place: string;
  /** The command of Skupper for the same; null for none. */
  readonly skupper: string | null;
  readonly fairlead: string;
  readonly output: string;
}

/** The result of a step. */
export interface Result<T> {
  readonly value: T;
  readonly detail: string;
  /** Duration, if it is not the time of the wait. */
  readonly ms?: number;
  readonly commands?: readonly ShownCommand[];
}

/** Standard output, or another place for the report. */
export interface ReportOutput {
  write(text: string): unknown;
  /** Width of the terminal; undefined if there is none. */
  readonly columns?: number;
}

type Style = "green" | "red" | "dim" | "bold";

/** Columns of a step's mark, and of its duration with a blank. */
const MARK = 2;
const TIME = 9;

export class Report {
  readonly steps: Step[] = [];
  readonly #json: boolean;
  readonly #output: ReportOutput;
  readonly #columns: number;

  constructor(json: boolean, output: ReportOutput = process.stdout) {
    this.#json = json;
    this.#output = output;
    this.#columns = proseColumns(output.columns ?? PROSE_COLUMNS);
  }

  get ok(): boolean {
    return this.steps.every((step) => step.ok);
  }

  /** Runs a step and reports its result. @throws the error of `act`, after it is reported */
  async step<T>(name: string, act: () => Promise<Result<T>>): Promise<T> {
    const began = performance.now();
    const elapsed = () => Math.round(performance.now() - began);
    try {
      const { value, detail, ms = elapsed(), commands } = await act();
      this.#add({ name, ok: true, ms, detail, ...(commands && { commands }) });
      return value;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#add({ name, ok: false, ms: elapsed(), detail });
      throw error;
    }
  }

  /** Prints a line, unless the report is JSON. A sentence is wrapped. */
  line(text = "", style?: Style): void {
    for (const line of text.split("\n").flatMap((each) => wrapProse(each, this.#columns)))
      this.#print(style ? this.#paint(style, line) : line);
  }

  /** Prints a command to copy. */
  command(text: string, style?: Style): void {
    for (const line of wrapCommand(text, this.#columns, MARK))
      this.#print(style ? this.#paint(style, line) : line);
  }

  /** Prints what a command printed, indented by `indent` columns. */
  output(text: string, indent: number): void {
    for (const line of text.split("\n").flatMap((each) => wrapProse(each, this.#columns - indent)))
      this.#print(line === "" ? "" : `${" ".repeat(indent)}${line}`);
  }

  /** Prints the JSON document, if the report is JSON. */
  finish(): void {
    if (this.#json) this.#output.write(`${JSON.stringify({ steps: this.steps, ok: this.ok })}\n`);
  }

  #add(step: Step): void {
    this.steps.push(step);
    const width = this.#columns - MARK - TIME;
    const detail = step.ok ? step.detail : `${step.name}: ${step.detail}`;
    const [first = "", ...rest] = detail.split("\n").flatMap((line) => wrapProse(line, width));
    const mark = step.ok ? this.#paint("green", "✓") : this.#paint("red", "✗");
    const time = duration(step.ms).padStart(TIME - 1);
    this.#print(`${mark} ${first.padEnd(width)} ${this.#paint("dim", time)}`);
    for (const line of rest) this.#print(`${" ".repeat(MARK)}${line}`);
  }

  #print(line: string): void {
    if (!this.#json) this.#output.write(`${line}\n`);
  }

  /** Colours text on a terminal without NO_COLOR. */
  #paint(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }
}

/** Formats milliseconds. */
export function duration(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}
