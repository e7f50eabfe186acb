/** What the demo tells: a line for each step, or one JSON document at the end. */
import { styleText } from "node:util";

export interface Step {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  /** What happened, in words; of a step that failed, why. */
  readonly detail: string;
}

/** What a step came to. */
export interface Told<T> {
  readonly value: T;
  readonly detail: string;
  /** How long it took, where that is not how long it was waited for. */
  readonly ms?: number;
}

type Style = "green" | "red" | "dim" | "bold";

const WIDTH = 96;

export class Report {
  readonly steps: Step[] = [];
  readonly #json: boolean;

  constructor(json: boolean) {
    this.#json = json;
  }

  get ok(): boolean {
    return this.steps.every((step) => step.ok);
  }

  /** Does a step and tells how it went. @throws what `act` throws, after it was told */
  async step<T>(name: string, act: () => Promise<Told<T>>): Promise<T> {
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

  /** A line for people. */
  line(text = "", style?: Style): void {
    if (!this.#json) process.stdout.write(`${style ? this.#paint(style, text) : text}\n`);
  }

  /** The result, for programs. */
  finish(): void {
    if (this.#json) process.stdout.write(`${JSON.stringify({ steps: this.steps, ok: this.ok })}\n`);
  }

  #add(step: Step): void {
    this.steps.push(step);
    const [first = "", ...rest] = step.detail.split("\n");
    const mark = step.ok ? this.#paint("green", "✓") : this.#paint("red", "✗");
    const time = duration(step.ms).padStart(8);
    this.line(
      `${mark} ${(step.ok ? first : `${step.name}: ${first}`).padEnd(WIDTH)} ${this.#paint("dim", time)}`,
    );
    for (const line of rest) this.line(`  ${line}`);
  }

  /** Colours only on a terminal, and not with NO_COLOR. */
  #paint(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }
}

/** Milliseconds as people read them. */
export function duration(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}
