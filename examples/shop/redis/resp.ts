/** RESP, the protocol of Redis, version 2: commands and replies as bytes. */

/** A failure that the server replied with. */
export class RedisError extends Error {}

export type Reply = string | number | null | RedisError | readonly Reply[];

/** Writes a command: an array of bulk strings. */
export function encodeCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map(bulk).join("")}`;
}

export function encodeReply(reply: Reply): string {
  if (reply === null) return "$-1\r\n";
  if (typeof reply === "number") return `:${reply}\r\n`;
  if (typeof reply === "string") return bulk(reply);
  if (reply instanceof RedisError) return `-${reply.message}\r\n`;
  return `*${reply.length}\r\n${reply.map(encodeReply).join("")}`;
}

const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

/** The longest text that a peer may send, bytes. */
const LONGEST = 1024 * 1024;

/** Reads the replies, or the commands, in bytes that arrive in pieces. */
export class RespReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** Returns what is complete by now. @throws Error for bytes that are no RESP, or too many of them */
  read(piece: Buffer): Reply[] {
    this.#bytes = Buffer.concat([this.#bytes, piece]);
    const found: Reply[] = [];
    let at = 0;
    for (let value = this.#value(at); value !== null; value = this.#value(at)) {
      found.push(value.reply);
      at = value.end;
    }
    this.#bytes = this.#bytes.subarray(at);
    if (this.#bytes.length > LONGEST) throw new Error("The text is too long.");
    return found;
  }

  /** The value that begins at an offset, and where it ends; null while it is incomplete. */
  #value(at: number): { readonly reply: Reply; readonly end: number } | null {
    const lineEnd = this.#bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const kind = this.#bytes.toString("latin1", at, at + 1);
    const line = this.#bytes.toString("utf8", at + 1, lineEnd);
    const end = lineEnd + 2;
    switch (kind) {
      case "+":
        return { reply: line, end };
      case "-":
        return { reply: new RedisError(line), end };
      case ":":
        return { reply: Number(line), end };
      case "$":
        return this.#bulk(Number(line), end);
      case "*":
        return this.#array(Number(line), end);
      default:
        throw new Error("The bytes are no RESP.");
    }
  }

  #bulk(length: number, start: number): { readonly reply: Reply; readonly end: number } | null {
    if (length === -1) return { reply: null, end: start };
    if (!Number.isSafeInteger(length) || length < 0 || length > LONGEST)
      throw new Error("The length is wrong.");
    const end = start + length + 2;
    if (this.#bytes.length < end) return null;
    return { reply: this.#bytes.toString("utf8", start, start + length), end };
  }

  #array(length: number, start: number): { readonly reply: Reply; readonly end: number } | null {
    if (length === -1) return { reply: null, end: start };
    if (!Number.isSafeInteger(length) || length < 0 || length > LONGEST)
      throw new Error("The length is wrong.");
    const items: Reply[] = [];
    let end = start;
    while (items.length < length) {
      const item = this.#value(end);
      if (item === null) return null;
      items.push(item.reply);
      end = item.end;
    }
    return { reply: items, end };
  }
}
