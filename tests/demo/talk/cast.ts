/** A recording of a terminal, in version 2 of asciinema's format: https://docs.asciinema.org/manual/asciicast/v2/ */
import { writeFileSync } from "node:fs";
import { PROSE_COLUMNS } from "../../../connector/cli/framework/layout.ts";
import type { ReportOutput } from "../report.ts";

const ROWS = 40;
/** The longest that a player waits between two lines, s. */
const IDLE_LIMIT = 2;

export class Cast implements ReportOutput {
  readonly columns = PROSE_COLUMNS;
  readonly #began = performance.now();
  readonly #title: string;
  readonly #output: ReportOutput;
  readonly #events: string[] = [];

  /** @param output also gets everything */
  constructor(title: string, output: ReportOutput = process.stdout) {
    this.#title = title;
    this.#output = output;
  }

  write(text: string): void {
    const at = Math.round(performance.now() - this.#began) / 1000;
    this.#events.push(JSON.stringify([at, "o", text.replaceAll("\n", "\r\n")]));
    this.#output.write(text);
  }

  /** Writes the recording to a file. @throws Error of the file system */
  save(file: string): void {
    const header = {
      version: 2,
      width: this.columns,
      height: ROWS,
      idle_time_limit: IDLE_LIMIT,
      title: this.#title,
    };
    writeFileSync(file, `${[JSON.stringify(header), ...this.#events].join("\n")}\n`);
  }
}
