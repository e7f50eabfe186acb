/** Lines of JSON out of chunks of bytes. */

/** Longest line, bytes. An object has 3 MB at most; the rest is for what the server adds. */
const MAX_LINE = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

export class JsonLines {
  #parts: Buffer[] = [];
  #size = 0;

  /** Takes a chunk, and returns the lines that it completes, parsed. @throws Error for a line that is too long or no JSON */
  push(chunk: Buffer): unknown[] {
    const lines: unknown[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      start = end + 1;
      const line = Buffer.concat(this.#parts).toString("utf8");
      this.#parts = [];
      this.#size = 0;
      if (line.trim() !== "") lines.push(JSON.parse(line));
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    if (this.#size > MAX_LINE) throw new Error(`The API server sent a line of more than ${MAX_LINE} bytes.`);
    if (part.length > 0) this.#parts.push(part);
  }
}
