/** A log that remembers its lines. */
import type { Log } from "../../../../connector/log.ts";

export class MemoryLog implements Log {
  readonly lines: { level: string; text: string; fields: Record<string, unknown> }[] = [];
  readonly debug = this.#line("debug");
  readonly info = this.#line("info");
  readonly warn = this.#line("warn");
  readonly error = this.#line("error");

  find(text: string) {
    return this.lines.find((line) => line.text.includes(text));
  }

  #line(level: string): Log["info"] {
    return (fields, text) => this.lines.push({ level, text, fields });
  }
}
