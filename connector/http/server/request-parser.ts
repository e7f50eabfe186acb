/**
 * Parses the requests of one HTTP/1.1 connection (RFC 9112). A request whose end or whose host could be understood in two
 * ways is refused, so that no target ever sees another request than the one that was checked. Content is passed on as it
 * arrived, without a copy.
 */
import type { RequestHead } from "../../../protocol/exchange/head.ts";
import { type FieldLineRules, type FieldProblem, fieldLines, isFieldName } from "../field-lines.ts";
import { type ParsedHead, type RequestLine, requestOf } from "./http1-request.ts";
import { RequestRefusal } from "./request-refusal.ts";
import type { ServerLimits } from "./server-limits.ts";

/** What the parser found, in the order of the bytes. */
export interface RequestEvents {
  /** A request. `ended` says that neither content nor trailers follow. */
  requestHead(request: ParsedRequest, ended: boolean): void;
  requestContent(bytes: Buffer): void;
  /** The end of a request whose head did not say so. @param trailers raw lines: name, value, name, value */
  requestEnd(trailers: readonly string[]): void;
}

/** The head of a request, with what HTTP/1.1 says beside it. */
export interface ParsedRequest {
  readonly head: RequestHead;
  readonly isOld: boolean;
  /** Whether the client lets the connection carry another request. */
  readonly keepAlive: boolean;
  /** Whether the client waits for a 100 before it sends content. */
  readonly expectsContinue: boolean;
  /** The value of Sec-WebSocket-Key; null where the request is none for a WebSocket. */
  readonly webSocketKey: string | null;
}

type Phase = "head" | "fixed" | "size" | "chunk" | "chunkEnd" | "trailers" | "tunnel";

/** Most bytes of the line before a chunk. */
const MAX_SIZE_LINE = 1024;
/** Most empty lines before a request. */
const MAX_EMPTY_LINES = 4;

const NOTHING: readonly string[] = [];
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!"$-~\x80-\xff]+) (HTTP\/\d\.\d)$/;
const SIZE_LINE = /^([0-9a-fA-F]{1,13})[ \t]*(?:;[\t -~\x80-\xff]*)?$/;
const NOT_IN_TRAILERS = /^(?:content-length|transfer-encoding|host|te|trailer|connection|authorization)$/i;

const CR = 13;
const LF = 10;

export class RequestParser {
  readonly #events: RequestEvents;
  readonly #limits: ServerLimits;
  readonly #scheme: string;
  readonly #fieldRules: FieldLineRules;
  #phase: Phase = "head";
  /** The beginning of a head, a size line or trailers whose rest has not arrived, and where the search goes on. */
  #partial: Buffer | null = null;
  #emptyLines = 0;
  #left = 0;
  #isHeld = false;

  /** @param scheme "http", or "https" for a connection over TLS */
  constructor(events: RequestEvents, limits: ServerLimits, scheme = "http") {
    this.#events = events;
    this.#limits = limits;
    this.#scheme = scheme;
    this.#fieldRules = fieldRules(limits.fields);
  }

  /** Whether a head is incomplete. */
  get isWithinHead(): boolean {
    return this.#phase === "head" && this.#partial !== null;
  }

  /**
   * Stops before the next request: {@link push} takes nothing of it until {@link release}. Call it within
   * {@link RequestEvents.requestHead}.
   */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
  }

  /**
   * Takes bytes. Returns how many of them it took: fewer than there are when the parser is held before the next request.
   * @throws RequestRefusal
   */
  push(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#phase) {
        case "head":
          if (this.#isHeld) return at;
          at = this.#section(bytes, at);
          break;
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
          at = this.#chunkEnd(bytes, at);
          break;
        case "tunnel":
          this.#events.requestContent(at === 0 ? bytes : bytes.subarray(at));
          return bytes.length;
      }
    }
    return at;
  }

  /** A head or trailers: everything to the next empty line. */
  #section(bytes: Buffer, at: number): number {
    const isTrailer = this.#phase === "trailers";
    const { headBytes, lineBytes } = this.#limits;
    const held = this.#partial;
    const all = held === null ? bytes : Buffer.concat([held, at === 0 ? bytes : bytes.subarray(at)]);
    const from = held === null ? at : 0;
    const taken = held?.length ?? 0;
    // Empty lines before a request are skipped, a few of them (RFC 9112 §2.2).
    if (!isTrailer && all[from] === CR && all.length - from >= 2) {
      if (all[from + 1] !== LF || ++this.#emptyLines > MAX_EMPTY_LINES)
        throw bad("A request line is missing.");
      this.#partial = null;
      return at + 2 - taken;
    }
    if (isTrailer && all.length - from >= 2 && all[from] === CR && all[from + 1] === LF) {
      this.#partial = null;
      this.#end(NOTHING);
      return at + 2 - taken;
    }
    // An empty line may begin in the bytes that were held.
    const end = all.indexOf("\r\n\r\n", Math.max(from, taken - 3), "latin1");
    const size = (end < 0 ? all.length : end) - from;
    if (!isTrailer && size > lineBytes) {
      const lineEnd = all.indexOf(LF, from);
      if (lineEnd < 0 || lineEnd - from > lineBytes) {
        throw new RequestRefusal(414, `The request line has more than ${lineBytes} bytes.`);
      }
    }
    if (size > headBytes) throw new RequestRefusal(431, `The head has more than ${headBytes} bytes.`);
    if (end < 0) {
      checkBeginning(all, from, isTrailer);
      this.#partial = held === null ? Buffer.from(all.subarray(from)) : all;
      return bytes.length;
    }
    this.#partial = null;
    const next = at + (end + 4 - from) - taken;
    const text = all.toString("latin1", from, end);
    if (isTrailer) this.#end(this.#trailers(text));
    else this.#head(text);
    return next;
  }

  #head(text: string): void {
    const lineEnd = text.indexOf("\r\n");
    const line = lineEnd < 0 ? text : text.slice(0, lineEnd);
    const fields = lineEnd < 0 ? [] : this.#fields(text, lineEnd + 2);
    const parsed = requestOf(requestLine(line, this.#scheme), fields);
    this.#emptyLines = 0;
    this.#begin(parsed);
  }

  #begin({ framing, ...request }: ParsedHead): void {
    if (framing.kind === "none") {
      this.#events.requestHead(request, true);
      return;
    }
    if (framing.kind === "length") {
      this.#left = framing.length;
      this.#phase = "fixed";
    } else this.#phase = framing.kind === "chunked" ? "size" : "tunnel";
    this.#events.requestHead(request, false);
  }

  #end(trailers: readonly string[]): void {
    this.#phase = "head";
    this.#events.requestEnd(trailers);
  }

  #counted(bytes: Buffer, at: number): number {
    const next = Math.min(bytes.length, at + this.#left);
    this.#left -= next - at;
    const isFixed = this.#phase === "fixed";
    if (this.#left === 0 && !isFixed) this.#phase = "chunkEnd";
    this.#events.requestContent(at === 0 && next === bytes.length ? bytes : bytes.subarray(at, next));
    if (this.#left === 0 && isFixed) this.#end(NOTHING);
    return next;
  }

  /** The line before a chunk: its size in hexadecimal. */
  #size(bytes: Buffer, at: number): number {
    const lineEnd = bytes.indexOf(LF, at);
    const piece = bytes.toString("latin1", at, lineEnd < 0 ? bytes.length : lineEnd + 1);
    const line = this.#partial === null ? piece : this.#partial.toString("latin1") + piece;
    if (line.length > MAX_SIZE_LINE) throw bad("The line before a chunk is too long.");
    if (lineEnd < 0) {
      this.#partial = Buffer.from(line, "latin1");
      return bytes.length;
    }
    this.#partial = null;
    const match = line.endsWith("\r\n") ? SIZE_LINE.exec(line.slice(0, -2)) : null;
    if (match === null) throw bad("The size of a chunk is malformed.");
    this.#left = Number.parseInt(match[1] ?? "", 16);
    this.#phase = this.#left === 0 ? "trailers" : "chunk";
    return lineEnd + 1;
  }

  /** The line end behind a chunk. */
  #chunkEnd(bytes: Buffer, at: number): number {
    const expected = this.#partial === null ? CR : LF;
    if (bytes[at] !== expected) throw bad("A chunk is longer than its size.");
    if (expected === CR) this.#partial = Buffer.from([CR]);
    else {
      this.#partial = null;
      this.#phase = "size";
    }
    return at + 1;
  }

  #trailers(text: string): string[] {
    const trailers = this.#fields(text, 0);
    if (trailers.some((name, index) => index % 2 === 0 && NOT_IN_TRAILERS.test(name))) {
      throw bad("The trailers have a field that must come before the content.");
    }
    return trailers;
  }

  #fields(text: string, start: number): string[] {
    return fieldLines(text, start, this.#fieldRules);
  }
}

const NAME_ALONE = (text: string): string | null => (isFieldName(text) ? text : null);

const PROBLEMS: Readonly<Record<Exclude<FieldProblem, "too many">, string>> = {
  "no colon": "A field line has no colon.",
  name: "The name of a field is malformed.",
  value: "The value of a field has a control character.",
};

const fieldRules = (most: number): FieldLineRules => ({
  most,
  nameOf: NAME_ALONE,
  refusal: (problem) =>
    problem === "too many"
      ? new RequestRefusal(431, `The head has more than ${most} fields.`)
      : bad(PROBLEMS[problem]),
});

function requestLine(line: string, scheme: string): RequestLine {
  const match = REQUEST_LINE.exec(line);
  if (match === null) throw bad("The request line is malformed.");
  const [, method = "", target = "", version = ""] = match;
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") {
    throw bad("The version of HTTP is neither 1.1 nor 1.0.");
  }
  return { method, target, scheme, isOld: version === "HTTP/1.0" };
}

/** Refuses early what can be no request: otherwise a client of another protocol would wait for the time limit. */
function checkBeginning(bytes: Buffer, from: number, isTrailer: boolean): void {
  const first = bytes[from] ?? 0;
  if (!isTrailer && first !== CR && (first <= 0x20 || first >= 0x7f))
    throw bad("The bytes are no HTTP request.");
  // A bare line feed never ends a line, and a NUL is in no head.
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === from || bytes[at - 1] !== CR) throw bad("A line ends without a carriage return.");
  }
}

const bad = (why: string): RequestRefusal => new RequestRefusal(400, why);
