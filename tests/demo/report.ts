/** The report of the demo: lines for each step, or one JSON document at the end. */
import { styleText } from "node:util";

export interface Step {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  /** One sentence, or the error of a failed step. */
  readonly detail: string;
}

/** The result of a step. */
export interface Result<T> {
  readonly value: T;
  readonly detail: string;
  /** Duration, if it is not the time of the wait. */
  readonly ms?: number;
}

type Style = "green" | "red" | "dim" | "bold";

/** Columns of text in a line: 80 without mark, duration and blanks. */
const WIDTH = 80 - 2 - 9;

export class Report {
  readonly steps: Step[] = [];
  readonly #json: boolean;

  constructor(json: boolean) {
    this.#json = json;
  }

  get ok(): boolean {
    return this.steps.every((step) => step.ok);
  }

  /** Runs a step and reports its result. @throws the error of `act`, after it is reported */
  async step<T>(name: string, act: () => Promise<Result<T>>): Promise<T> {
    const began = performance.now();
    const elapsed = () => Math.round(performance.now() - began);
    try {
      const { value, detail, ms = elapsed() } = await act();
      this.#add({ name, ok: true, ms, detail });
      return value;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#add({ name, ok: false, ms: elapsed(), detail });
      throw error;
    }
  }

  /** Prints a line, unless the report is JSON. */
  line(text = "", style?: Style): void {
    if (!this.#json) process.stdout.write(`${style ? this.#paint(style, text) : text}\n`);
  }

  /** Prints the JSON document, if the report is JSON. */
  finish(): void {
    if (this.#json) process.stdout.write(`${JSON.stringify({ steps: this.steps, ok: this.ok })}\n`);
  }

  #add(step: Step): void {
    this.steps.push(step);
    const [first = "", ...rest] = step.ok
      ? wrapped(step.detail, WIDTH)
      : `${step.name}: ${step.detail}`.split("\n");
    const mark = step.ok ? this.#paint("green", "✓") : this.#paint("red", "✗");
    const time = duration(step.ms).padStart(8);
    this.line(`${mark} ${first.padEnd(WIDTH)} ${this.#paint("dim", time)}`);
    for (const line of rest) this.line(`  ${line}`);
  }

  /** Colours text on a terminal without NO_COLOR. */
  #paint(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }
}

/** Wraps a text at blanks. A word longer than `width` stays whole. */
export function wrapped(text: string, width: number): string[] {
  const [first = "", ...words] = text.split(" ");
  const lines = [first];
  for (const word of words) {
    const last = lines.at(-1) ?? "";
    if (last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** Formats milliseconds. */
export function duration(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}
