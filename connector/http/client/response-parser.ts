/**
 * Parses the responses of one HTTP/1.1 connection to a target (RFC 9112). Anything whose length could be understood in
 * two ways is refused, so that no response is taken for the response to another request. Content is passed on as it
 * arrived, without a copy.
 */
import { FairleadError } from "../../../protocol/errors.ts";
import { fieldOf } from "../../../protocol/exchange/fields.ts";
import type { Fields, ResponseHead } from "../../../protocol/exchange/head.ts";
import { type FieldLineRules, type FieldProblem, fieldLines, isFieldName } from "../field-lines.ts";
import { CLIENT_LIMITS, type ClientLimits } from "./client-limits.ts";

/** What the parser found, in the order of the bytes. */
export interface ResponseEvents {
  /** A response with status 100 to 199, except 101. */
  informational(head: ResponseHead): void;
  /** The final head. `ended` says that neither content nor trailers follow. */
  head(head: ResponseHead, ended: boolean): void;
  content(bytes: Uint8Array): void;
  /** The end of a response whose head did not say so. */
  end(trailers: Fields): void;
}

/** What the request says about the length of its response. */
export interface RequestForm {
  readonly method: string;
  /** Whether the request asks for another protocol, so that 101 is a valid answer. */
  readonly upgrade: boolean;
}

type Phase =
  | "idle"
  | "head"
  | "fixed"
  | "size"
  | "chunk"
  | "chunkEnd"
  | "chunkLf"
  | "trailers"
  | "untilClose"
  | "raw";

/** Most bytes of the line before a chunk. */
const MAX_SIZE_LINE = 1024;

const NO_FIELDS: Fields = [];
const NOTHING = Buffer.alloc(0);
const EMPTY_LINE = Buffer.from("\r\n\r\n");
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/;
/** The size, at most 2^52, and extensions, without spaces (RFC 9112 §7.1). */
const SIZE_LINE =
  /^([0-9a-fA-F]{1,13})(?:;[!#$%&'*+.^_`|~\w-]+(?:=(?:[!#$%&'*+.^_`|~\w-]+|"[ !#-[\]-~]*"))?)*\r\n$/;

const CR = 13;
const LF = 10;

export class ResponseParser {
  readonly #events: ResponseEvents;
  readonly #limits: ClientLimits;
  readonly #fieldRules: FieldLineRules;
  #form: RequestForm = { method: "GET", upgrade: false };
  #phase: Phase = "idle";
  /** The beginning of a head, a size line or a trailer section whose rest has not arrived. */
  #partial = NOTHING;
  #partialBytes = 0;
  /** Bytes that are missing of the content or of the chunk. */
  #left = 0;
  #informational = 0;
  /** Whether any byte of the response arrived. */
  #began = false;
  #keepAlive = false;
  #keepAliveHintMs: number | null = null;

  constructor(events: ResponseEvents, limits: ClientLimits = CLIENT_LIMITS) {
    this.#events = events;
    this.#limits = limits;
    this.#fieldRules = fieldRules(limits.fields);
  }

  /** Whether a byte of the response to the current request arrived. */
  get began(): boolean {
    return this.#began;
  }

  /** Whether no response is expected. */
  get isIdle(): boolean {
    return this.#phase === "idle";
  }

  /** Whether the connection carries another protocol from here on. */
  get isRaw(): boolean {
    return this.#phase === "raw";
  }

  /** Whether the last response lets the connection carry another request. */
  get keepAlive(): boolean {
    return this.#keepAlive;
  }

  /** How long the target says that it keeps the connection, ms; null when it does not say. */
  get keepAliveHintMs(): number | null {
    return this.#keepAliveHintMs;
  }

  /** Expects the response to a request. Call it once the response before has ended. */
  begin(form: RequestForm): void {
    this.#form = form;
    this.#phase = "head";
    this.#began = false;
    this.#informational = 0;
    this.#keepAlive = false;
  }

  /** Takes bytes. @throws FairleadError exchange.bad_response */
  push(bytes: Buffer): void {
    let at = 0;
    this.#began ||= bytes.length > 0;
    while (at < bytes.length) {
      switch (this.#phase) {
        case "idle":
          throw bad("it sent bytes that belong to no request");
        case "head":
        case "trailers":
          at = this.#section(bytes, at);
          break;
        case "fixed":
        case "chunk":
          at = this.#counted(bytes, at);
          break;
        case "size":
          at = this.#size(bytes, at);
          break;
        case "chunkEnd":
        case "chunkLf":
          at = this.#chunkEnd(bytes, at);
          break;
        case "untilClose":
        case "raw":
          this.#events.content(at === 0 ? bytes : bytes.subarray(at));
          return;
      }
    }
  }

  /** Takes the end of the connection. Returns false when the response was not complete. */
  finish(): boolean {
    if (this.#phase !== "untilClose" && this.#phase !== "raw") return this.#phase === "idle";
    this.#end(NO_FIELDS);
    return true;
  }

  /** A head or a trailer section: everything to the next empty line. */
  #section(bytes: Buffer, at: number): number {
    const isTrailer = this.#phase === "trailers";
    const { text, next } = this.#take(bytes, at, isTrailer);
    if (text === null) return next;
    if (isTrailer) {
      const trailers = text === "" ? NO_FIELDS : this.#fields(text, 0);
      if (fieldOf(trailers, "content-length") !== null || fieldOf(trailers, "transfer-encoding") !== null) {
        throw bad("its trailers have a length");
      }
      this.#end(trailers);
    } else this.#head(text);
    return next;
  }

  /** The text up to an empty line, without that line; null while it is incomplete. */
  #take(bytes: Buffer, at: number, isTrailer: boolean): { text: string | null; next: number } {
    const { headBytes } = this.#limits;
    const before = this.#partialBytes;
    let all = bytes;
    let from = at;
    let to = bytes.length;
    if (before > 0) {
      this.#keep(bytes, at);
      all = this.#partial;
      from = 0;
      to = this.#partialBytes;
    }
    // An empty trailer section is a single empty line.
    if (isTrailer && to - from >= 2 && all[from] === CR && all[from + 1] === LF) {
      this.#partialBytes = 0;
      return { text: "", next: at + 2 - before };
    }
    const found = all.indexOf(EMPTY_LINE, Math.max(from, from + before - 3));
    const end = found < 0 || found + EMPTY_LINE.length > to ? -1 : found;
    if ((end < 0 ? to : end) - from > headBytes) throw bad(`its head is larger than ${headBytes} bytes`);
    if (end < 0) {
      if (before === 0) this.#keep(bytes, at);
      return { text: null, next: bytes.length };
    }
    this.#partialBytes = 0;
    return { text: all.toString("latin1", from, end), next: at + (end + EMPTY_LINE.length - from) - before };
  }

  /** Keeps the bytes from `at` on behind those that are kept. */
  #keep(bytes: Buffer, at: number): void {
    const total = this.#partialBytes + bytes.length - at;
    if (total > this.#partial.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * total, 512));
      this.#partial.copy(larger, 0, 0, this.#partialBytes);
      this.#partial = larger;
    }
    bytes.copy(this.#partial, this.#partialBytes, at);
    this.#partialBytes = total;
  }

  #head(text: string): void {
    const lineEnd = text.indexOf("\r\n");
    const line = lineEnd < 0 ? text : text.slice(0, lineEnd);
    const match = STATUS_LINE.exec(line);
    if (match === null || hasControl(line)) throw bad("it does not begin with a status line of HTTP/1.1");
    const status = Number(match[2]);
    const isOld = match[1] === "0";
    const fields = lineEnd < 0 ? NO_FIELDS : this.#fields(text, lineEnd + 2);
    if (status < 200 && status !== 101) {
      if (isOld || ++this.#informational > this.#limits.informational) {
        throw bad("it has too many informational responses");
      }
      this.#events.informational({ status, fields });
      return;
    }
    this.#final({ status, fields }, isOld);
  }

  #final(head: ResponseHead, isOld: boolean): void {
    const { status, fields } = head;
    const { method, upgrade } = this.#form;
    let length: string | null = null;
    let coding: string | null = null;
    let connection = "";
    for (let at = 0; at < fields.length; at += 2) {
      const value = fields[at + 1] ?? "";
      switch (fields[at]) {
        case "content-length":
          if (length !== null) throw bad("it has two lengths");
          length = value;
          break;
        case "transfer-encoding":
          if (coding !== null) throw bad("it has two transfer codings");
          coding = value.toLowerCase();
          break;
        case "connection":
          connection += `,${value.toLowerCase()}`;
          break;
        case "keep-alive":
          this.#keepAliveHintMs = hintOf(value);
          break;
      }
    }
    if (length !== null && !/^\d{1,15}$/.test(length)) throw bad("its length is not a number");
    if (coding !== null) {
      if (coding !== "chunked") throw bad("it has a transfer coding other than chunked");
      if (isOld) throw bad("it is of HTTP/1.0 and has a transfer coding");
      if (length !== null) throw bad("it has both a length and a transfer coding");
    }
    const isClosing = hasToken(connection, "close");
    this.#keepAlive = !isClosing && (!isOld || hasToken(connection, "keep-alive"));
    if (status === 101) {
      if (!upgrade) throw bad("it switches to a protocol that nobody asked for");
      this.#raw(head);
      return;
    }
    if (method === "CONNECT" && status < 300) {
      this.#raw(head);
      return;
    }
    if (method === "HEAD" || status === 304 || status === 204) {
      if (status === 204 && coding !== null) this.#keepAlive = false;
      this.#ended(head);
    } else if (coding !== null) {
      this.#phase = "size";
      this.#events.head(head, false);
    } else if (length === null) {
      this.#keepAlive = false;
      this.#phase = "untilClose";
      this.#events.head(head, false);
    } else if (Number(length) === 0) this.#ended(head);
    else {
      this.#left = Number(length);
      this.#phase = "fixed";
      this.#events.head(head, false);
    }
  }

  #raw(head: ResponseHead): void {
    this.#keepAlive = false;
    this.#phase = "raw";
    this.#events.head(head, false);
  }

  #ended(head: ResponseHead): void {
    this.#phase = "idle";
    this.#events.head(head, true);
  }

  #end(trailers: Fields): void {
    this.#phase = "idle";
    this.#events.end(trailers);
  }

  /** Content of a known length: that of the response, or of a chunk. */
  #counted(bytes: Buffer, at: number): number {
    const next = Math.min(bytes.length, at + this.#left);
    this.#left -= next - at;
    this.#events.content(at === 0 && next === bytes.length ? bytes : bytes.subarray(at, next));
    if (this.#left === 0) {
      if (this.#phase === "chunk") this.#phase = "chunkEnd";
      else if (this.#phase === "fixed") this.#end(NO_FIELDS);
    }
    return next;
  }

  /** The line before a chunk: its size in hexadecimal. */
  #size(bytes: Buffer, at: number): number {
    const lineEnd = bytes.indexOf(LF, at);
    const next = lineEnd < 0 ? bytes.length : lineEnd + 1;
    if (this.#partialBytes + next - at > MAX_SIZE_LINE) throw bad("the line before a chunk is too long");
    let line: string;
    if (lineEnd < 0 || this.#partialBytes > 0) {
      this.#keep(bytes.subarray(0, next), at);
      if (lineEnd < 0) return next;
      line = this.#partial.toString("latin1", 0, this.#partialBytes);
      this.#partialBytes = 0;
    } else line = bytes.toString("latin1", at, next);
    const match = SIZE_LINE.exec(line);
    if (match === null) throw bad("the size of a chunk is malformed");
    this.#left = Number.parseInt(match[1] ?? "", 16);
    this.#phase = this.#left === 0 ? "trailers" : "chunk";
    return next;
  }

  /** The end of a chunk's last line. */
  #chunkEnd(bytes: Buffer, at: number): number {
    const isFirst = this.#phase === "chunkEnd";
    if (bytes[at] !== (isFirst ? CR : LF)) throw bad("a chunk is longer than its size");
    this.#phase = isFirst ? "chunkLf" : "size";
    return at + 1;
  }

  #fields(text: string, at: number): Fields {
    return fieldLines(text, at, this.#fieldRules);
  }
}

/** Names that targets sent, with their form in lower case. */
const NAMES = new Map<string, string>();
const MAX_NAMES = 512;

/** The name in lower case; null when it is malformed. */
function fieldName(text: string): string | null {
  const known = NAMES.get(text);
  if (known !== undefined) return known;
  if (!isFieldName(text)) return null;
  const name = text.toLowerCase();
  if (NAMES.size < MAX_NAMES && text.length < 64) NAMES.set(text, name);
  return name;
}

const PROBLEMS: Readonly<Record<Exclude<FieldProblem, "too many">, string>> = {
  "no colon": "a line of its head is malformed",
  name: "the name of a field is malformed",
  value: "a field of its head has a control character",
};

const fieldRules = (most: number): FieldLineRules => ({
  most,
  nameOf: fieldName,
  refusal: (problem) => bad(problem === "too many" ? `it has more than ${most} fields` : PROBLEMS[problem]),
});

/** Whether the text has a control character other than a tab. */
function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if ((code < 32 && code !== 9) || code === 127) return true;
  }
  return false;
}

function hasToken(list: string, token: string): boolean {
  // Most lists have not even its characters, and a list costs an array.
  return list.includes(token) && list.split(",").some((each) => each.trim() === token);
}

/** The `timeout` of a Keep-Alive field, ms. */
function hintOf(value: string): number | null {
  const seconds = /(?:^|[,;\s])timeout=(\d{1,6})/i.exec(value)?.[1];
  return seconds === undefined ? null : Number(seconds) * 1000;
}

function bad(why: string): FairleadError {
  return new FairleadError("exchange.bad_response", `The target's response is not valid HTTP: ${why}.`);
}
