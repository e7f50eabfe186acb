/**
 * Decodes HPACK header blocks (RFC 7541) as far as an observer needs: it follows the dynamic table exactly, and keeps the
 * text of the fields that a report has. Of all other fields only the size is kept, so neither cookies nor credentials are.
 */
import { authorityOf, MAX_PATH, pathOf } from "../relay/request-report.ts";
import { decodeHuffman } from "./huffman.ts";
import { endOfPath, latin1 } from "./latin1.ts";
import { ObservationError } from "./observation-error.ts";

/** The fields that are decoded. */
export const FIELDS = [
  ":method",
  ":path",
  ":authority",
  ":status",
  "content-type",
  "grpc-status",
  "host",
] as const;
export type FieldName = (typeof FIELDS)[number];

/** Gets the fields of one block in order. `:path` comes without its query, and long values are cut. */
export type OnField = (name: FieldName, value: string) => void;

/** Most bytes of a dynamic table. A connection with a larger one is not observed. */
const MAX_TABLE = 64 * 1024;

/** Size of the dynamic table until an update (RFC 9113, section 6.5.2), and what an entry adds to its size. */
const FIRST_TABLE = 4096;
const ENTRY_OVERHEAD = 32;

/** Integers end after as many bytes beyond their prefix: none that fits in a block is longer. */
const MAX_INTEGER_BYTES = 4;

interface Entry {
  /** Null when the field is not of interest; then its value is null as well. */
  readonly name: FieldName | null;
  readonly value: string | null;
  readonly nameLength: number;
  readonly size: number;
}

/** The static table (RFC 7541, appendix A): names with their values, in its order. */
const STATIC: readonly Entry[] = [
  ":authority",
  ...[":method GET", ":method POST", ":path /", ":path /index.html", ":scheme http", ":scheme https"],
  ...["200", "204", "206", "304", "400", "404", "500"].map((status) => `:status ${status}`),
  ...["accept-charset", "accept-encoding gzip, deflate", "accept-language", "accept-ranges", "accept"],
  ...["access-control-allow-origin", "age", "allow", "authorization", "cache-control"],
  ...["content-disposition", "content-encoding", "content-language", "content-length", "content-location"],
  ...["content-range", "content-type", "cookie", "date", "etag", "expect", "expires", "from", "host"],
  ...["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified"],
  ...["link", "location", "max-forwards", "proxy-authenticate", "proxy-authorization", "range", "referer"],
  ...["refresh", "retry-after", "server", "set-cookie", "strict-transport-security", "transfer-encoding"],
  ...["user-agent", "vary", "via", "www-authenticate"],
].map((line) => {
  const [name = "", ...value] = line.split(" ");
  return entryOf(fieldOf(name), name.length, value.join(" "), value.join(" ").length);
});

function entryOf(
  name: FieldName | null,
  nameLength: number,
  value: string | null,
  valueLength: number,
): Entry {
  return {
    name,
    value: name === null ? null : value,
    nameLength,
    size: nameLength + valueLength + ENTRY_OVERHEAD,
  };
}

function fieldOf(name: string): FieldName | null {
  return FIELDS.find((field) => field === name) ?? null;
}

const LENGTHS_OF_INTEREST: ReadonlySet<number> = new Set(FIELDS.map((name) => name.length));

/** Decoded text. Shared: nothing is decoded while another text is. */
const scratch = Buffer.alloc(16 * 1024);

export class HpackDecoder {
  /** Oldest first; entries before `#oldest` are evicted. */
  #entries: Entry[] = [];
  #oldest = 0;
  #size = 0;
  #maxSize = FIRST_TABLE;
  /** The block, and the place in it. */
  #bytes: Uint8Array = scratch;
  #at = 0;
  #end = 0;
  /** Length of the text that was read last, decoded. */
  #textLength = 0;

  /** Entries of the dynamic table, and their size in bytes by RFC 7541, section 4.1. */
  get table(): { readonly entries: number; readonly size: number } {
    return { entries: this.#entries.length - this.#oldest, size: this.#size };
  }

  /** Decodes one header block. @throws ObservationError for a block that is not valid; the decoder is useless afterwards. */
  decode(bytes: Uint8Array, start: number, end: number, onField: OnField): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    let isFirst = true;
    while (this.#at < end) {
      const byte = bytes[this.#at] as number;
      if (byte >= 0x80) {
        const { name, value } = this.#entry(this.#integer(0x7f));
        if (name !== null && value !== null) onField(name, value);
      } else if (byte >= 0x40) this.#literal(0x3f, true, onField);
      else if (byte >= 0x20) {
        if (!isFirst) throw new ObservationError("A table size update is not at the begin of its block.");
        this.#resize(this.#integer(0x1f));
        continue;
      } else this.#literal(0x0f, false, onField);
      isFirst = false;
    }
    // The block may be a slice of a large chunk.
    this.#bytes = scratch;
  }

  #literal(mask: number, isIndexed: boolean, onField: OnField): void {
    const index = this.#integer(mask);
    let name: FieldName | null;
    let nameLength: number;
    if (index > 0) ({ name, nameLength } = this.#entry(index));
    else {
      name = this.#name();
      nameLength = this.#textLength;
    }
    const value = this.#value(name, isIndexed);
    if (name !== null && value !== null) onField(name, value);
    if (isIndexed) this.#add(entryOf(name, nameLength, value, this.#textLength));
  }

  /** An integer with a prefix (section 5.1). */
  #integer(mask: number): number {
    let value = this.#next() & mask;
    if (value < mask) return value;
    for (let count = 0; ; count++) {
      const byte = this.#next();
      value += (byte & 0x7f) * 2 ** (7 * count);
      if (byte < 0x80) return value;
      if (count === MAX_INTEGER_BYTES) throw new ObservationError("An integer is too long.");
    }
  }

  #next(): number {
    if (this.#at >= this.#end) throw new ObservationError("A header block ends too early.");
    return this.#bytes[this.#at++] as number;
  }

  /** A name as a text; null when it is not of interest. */
  #name(): FieldName | null {
    const { isHuffman, start, end } = this.#string();
    if (!isHuffman) {
      this.#textLength = end - start;
      if (!LENGTHS_OF_INTEREST.has(this.#textLength)) return null;
      return fieldOf(latin1(this.#bytes, start, end));
    }
    const length = this.#decode(start, end, scratch);
    return LENGTHS_OF_INTEREST.has(length) ? fieldOf(scratch.toString("latin1", 0, length)) : null;
  }

  /** A value as a text; null when it is not of interest. Its length is only needed for an entry of the table. */
  #value(name: FieldName | null, needsLength: boolean): string | null {
    const { isHuffman, start, end } = this.#string();
    if (name === null) {
      if (!isHuffman) this.#textLength = end - start;
      else if (needsLength) this.#decode(start, end, null);
      return null;
    }
    if (!isHuffman) {
      this.#textLength = end - start;
      return textOf(name, this.#bytes, start, end);
    }
    const length = this.#decode(start, end, scratch);
    return textOf(name, scratch, 0, Math.min(length, scratch.length));
  }

  #decode(start: number, end: number, out: Uint8Array | null): number {
    this.#textLength = decodeHuffman(this.#bytes, start, end, out);
    if (this.#textLength < 0) throw new ObservationError("A Huffman code is not valid.");
    return this.#textLength;
  }

  /** The place of a string literal (section 5.2). */
  #string(): { readonly isHuffman: boolean; readonly start: number; readonly end: number } {
    const isHuffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(0x7f);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw new ObservationError("A header block ends too early.");
    this.#at = end;
    return { isHuffman, start, end };
  }

  /** The entry of an index (section 2.3.3). */
  #entry(index: number): Entry {
    const beyond = index - STATIC.length;
    const entry =
      beyond <= 0
        ? STATIC[index - 1]
        : beyond <= this.#entries.length - this.#oldest
          ? this.#entries[this.#entries.length - beyond]
          : undefined;
    if (entry === undefined) throw new ObservationError("An index is not in the tables.");
    return entry;
  }

  #add(entry: Entry): void {
    this.#evict(this.#maxSize - entry.size);
    if (entry.size > this.#maxSize) return;
    this.#entries.push(entry);
    this.#size += entry.size;
  }

  #resize(size: number): void {
    if (size > MAX_TABLE) throw new ObservationError("The dynamic table is too large.");
    this.#maxSize = size;
    this.#evict(size);
  }

  /** Evicts entries until the table has at most `size` bytes (section 4.3). */
  #evict(size: number): void {
    while (this.#size > size && this.#oldest < this.#entries.length) {
      this.#size -= this.#entries[this.#oldest]?.size ?? 0;
      this.#oldest++;
    }
    if (this.#oldest === this.#entries.length) {
      this.#entries = [];
      this.#oldest = 0;
    } else if (this.#oldest > 64 && this.#oldest * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#oldest);
      this.#oldest = 0;
    }
  }
}

/** The part of a value that a report has. No text of the rest is made, so that no query stays in memory either. */
function textOf(name: FieldName, bytes: Uint8Array, start: number, end: number): string {
  if (name === ":path") return pathOf(latin1(bytes, start, endOfPath(bytes, start, end)));
  const text = latin1(bytes, start, Math.min(end, start + MAX_PATH));
  return name === ":authority" || name === "host" ? authorityOf(text) : text;
}
