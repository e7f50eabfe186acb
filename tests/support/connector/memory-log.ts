/** A log that keeps its lines and those of its children. */
import type { Log } from "../../../connector/log.ts";

interface Line {
  readonly level: string;
  readonly text: string;
  readonly fields: Record<string, unknown>;
}

export class MemoryLog implements Log {
  readonly lines: Line[];
  readonly debug = this.#write("debug");
  readonly info = this.#write("info");
  readonly warn = this.#write("warn");
  readonly error = this.#write("error");
  readonly #fields: Record<string, unknown>;

  constructor(lines: Line[] = [], fields: Record<string, unknown> = {}) {
    this.lines = lines;
    this.#fields = fields;
  }

  isLevelEnabled(): boolean {
    return true;
  }

  child(fields: Record<string, unknown>): MemoryLog {
    return new MemoryLog(this.lines, { ...this.#fields, ...fields });
  }

  find(text: string) {
    return this.lines.find((line) => line.text.includes(text));
  }

  #write(level: string): Log["info"] {
    return (fields, text) => this.lines.push({ level, text, fields: { ...this.#fields, ...fields } });
  }
}
