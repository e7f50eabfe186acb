/**
 * Decodes one message of an exchange: binary HTTP of indeterminate length, in any pieces (RFC 9292 §3.2;
 * docs/protocol.md, "Exchanges"). The decoder has no effects: it calls its handler, and throws at the first error.
 * After an error it must not be used.
 */
import { FairleadError } from "../errors.ts";
import { checkFields, contentLength, hasNoContent, isAuthority, isPseudo, isTunnel } from "./fields.ts";
import { FRAMING } from "./framing.ts";
import type { Fields, InformationalHead, RequestHead, ResponseHead } from "./head.ts";
import { EXCHANGE_LIMITS, type ExchangeLimits } from "./limits.ts";
import { type Section, type SectionForm, SectionReader, TRAILERS } from "./section-reader.ts";
import { readVarint, varintBytes } from "./varint.ts";

/** Gets the parts of a message, in order. */
export interface MessageHandler<Head> {
  onHead(head: Head): void;
  /** Takes a piece of content, never empty, as a slice of the input. */
  onContent(bytes: Uint8Array): void;
  /** Called before {@link onEnd} where the message has trailers. */
  onTrailers(fields: Fields): void;
  /** The message is whole. The last call. */
  onEnd(): void;
}

/** Gets the parts of a response. */
export interface ResponseHandler extends MessageHandler<ResponseHead> {
  onInformational(head: InformationalHead): void;
}

type Phase = "head" | "length" | "content" | "trailers" | "padding";

const NOTHING = new Uint8Array(0);
const SPARE_BYTES = 512;

/** What a request and a response have in common. */
abstract class MessageDecoder<Head> {
  protected readonly limits: ExchangeLimits;
  protected readonly section: SectionReader;
  readonly #handler: MessageHandler<Head>;
  #phase: Phase = "head";
  /** The first bytes of a section or length that is not whole yet, and how many there are. */
  #held: Uint8Array = NOTHING;
  #heldBytes = 0;
  /** Bytes that are left of the current piece of content. */
  #left = 0;
  /** Bytes that the announced length leaves; null where the content may have any length. */
  #announced: number | null = null;
  #hasContent = false;
  #padding = 0;

  constructor(handler: MessageHandler<Head>, limits: ExchangeLimits) {
    this.#handler = handler;
    this.limits = limits;
    this.section = new SectionReader(limits);
  }

  /** Whether the message is whole. Only padding may follow. */
  get ended(): boolean {
    return this.#phase === "padding";
  }

  /**
   * Takes the next bytes of the stream. Slices of them are given to the handler.
   * @throws FairleadError exchange.malformed, exchange.too_large
   */
  push(bytes: Uint8Array): void {
    if (this.#heldBytes === 0) {
      this.#consume(bytes, bytes.length);
      return;
    }
    this.#hold(bytes, 0, bytes.length);
    const held = this.#held;
    const count = this.#heldBytes;
    // The handler may keep slices of the block: it is used again only where none of it was read.
    this.#held = NOTHING;
    this.#heldBytes = 0;
    this.#consume(held, count);
  }

  /**
   * Call this when the stream ends. Content and trailers that are missing altogether are empty (RFC 9292 §3.8).
   * @throws FairleadError exchange.malformed when the message is not whole.
   */
  end(): void {
    const isWholeSoFar = this.#heldBytes === 0 && this.section.isUntouched;
    const isTruncated =
      (this.#phase === "length" && !this.#hasContent && this.#heldBytes === 0) ||
      (this.#phase === "trailers" && isWholeSoFar);
    if (isTruncated) this.#finish();
    if (this.#phase !== "padding") throw malformed("The message ended before it was whole.");
  }

  /** Reads a head section. Returns the head, or null when another section with a head follows. */
  protected abstract headOf(section: Section): Head | null;

  /** The length that the content must have, bytes; null for any. */
  protected abstract lengthOf(head: Head): number | null;

  #consume(bytes: Uint8Array, end: number): void {
    let at = 0;
    while (at < end) {
      const next = this.#step(bytes, at, end);
      if (next === at) break;
      at = next;
    }
    if (at === end) return;
    if (at === 0 && bytes.length > end) this.#held = bytes;
    if (this.#held === bytes) this.#heldBytes = end;
    else this.#hold(bytes, at, end);
  }

  /** Reads one part from `at` on. Returns the offset behind it, or `at` when the part is not whole. */
  #step(bytes: Uint8Array, at: number, end: number): number {
    switch (this.#phase) {
      case "head":
      case "trailers":
        return this.#readSection(bytes, at, end);
      case "length":
        return this.#readLength(bytes, at, end);
      case "content":
        return this.#readContent(bytes, at, end);
      case "padding":
        return this.#readPadding(bytes, at, end);
    }
  }

  #readSection(bytes: Uint8Array, at: number, end: number): number {
    if (!this.section.read(bytes, at, end)) return at;
    const next = at + this.section.bytes;
    const section = this.section.take(bytes, at);
    if (this.#phase === "trailers") {
      checkFields(section.fields, "trailers");
      if (section.fields.some((name, index) => index % 2 === 0 && isPseudo(name))) {
        throw malformed("Trailers may not have a pseudo-field.");
      }
      if (section.fields.length > 0) this.#handler.onTrailers(section.fields);
      this.#finish();
      return next;
    }
    const head = this.headOf(section);
    if (head === null) return next;
    this.#announced = this.lengthOf(head);
    this.#phase = "length";
    this.#handler.onHead(head);
    return next;
  }

  #readLength(bytes: Uint8Array, at: number, end: number): number {
    const width = varintBytes(bytes[at] ?? 0);
    if (at + width > end) return at;
    const length = readVarint(bytes, at);
    if (length === 0) {
      if (this.#announced !== null && this.#announced > 0) {
        throw malformed(`The content is ${this.#announced} bytes shorter than announced.`);
      }
      this.section.begin(TRAILERS);
      this.#phase = "trailers";
      return at + width;
    }
    if (length > Number.MAX_SAFE_INTEGER) throw malformed("A piece of content has an impossible length.");
    if (this.#announced !== null) {
      if (length > this.#announced) throw malformed("The content is longer than announced.");
      this.#announced -= length;
    }
    this.#hasContent = true;
    this.#left = length;
    this.#phase = "content";
    return at + width;
  }

  #readContent(bytes: Uint8Array, at: number, end: number): number {
    const next = Math.min(end, at + this.#left);
    this.#left -= next - at;
    if (this.#left === 0) this.#phase = "length";
    this.#handler.onContent(at === 0 && next === bytes.length ? bytes : bytes.subarray(at, next));
    return next;
  }

  #readPadding(bytes: Uint8Array, at: number, end: number): number {
    this.#padding += end - at;
    for (let index = at; index < end; index++) {
      if (bytes[index] !== 0) throw malformed("Bytes other than padding follow the message.");
    }
    if (this.#padding > this.limits.paddingBytes) {
      throw new FairleadError("exchange.too_large", "Too much padding follows the message.");
    }
    return end;
  }

  #finish(): void {
    if (this.#announced !== null && this.#announced > 0) {
      throw malformed(`The content is ${this.#announced} bytes shorter than announced.`);
    }
    this.#phase = "padding";
    this.#handler.onEnd();
  }

  /** Keeps the bytes of a part that is not whole. */
  #hold(bytes: Uint8Array, at: number, end: number): void {
    const total = this.#heldBytes + end - at;
    if (total > this.#held.length) {
      const larger = new Uint8Array(Math.max(2 * total, SPARE_BYTES));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(bytes.subarray(at, end), this.#heldBytes);
    this.#heldBytes = total;
  }
}

const REQUEST: SectionForm = {
  framing: FRAMING.request,
  status: false,
  control: ["method", "scheme", "authority", "path"],
};

/** Decodes a request. */
export class RequestDecoder extends MessageDecoder<RequestHead> {
  constructor(handler: MessageHandler<RequestHead>, limits: ExchangeLimits = EXCHANGE_LIMITS) {
    super(handler, limits);
    this.section.begin(REQUEST);
  }

  protected override headOf({ control, fields }: Section): RequestHead {
    const [method = "", scheme = "", authority = "", path = ""] = control;
    checkFields(fields, "head");
    const protocol = takeProtocol(fields);
    const head = { method, scheme, authority: takeHost(fields, authority), path, fields };
    const whole: RequestHead = protocol === undefined ? head : { ...head, protocol };
    checkTarget(whole);
    return whole;
  }

  protected override lengthOf({ fields, method, protocol }: RequestHead): number | null {
    const length = contentLength(fields);
    if (length !== null && (method === "CONNECT" || protocol !== undefined)) {
      throw malformed("A tunnel has no Content-Length.");
    }
    return length;
  }
}

const FIRST_RESPONSE: SectionForm = { framing: FRAMING.response, status: true, control: [] };
const NEXT_RESPONSE: SectionForm = { framing: null, status: true, control: [] };

/** Decodes the response to a request. */
export class ResponseDecoder extends MessageDecoder<ResponseHead> {
  readonly #request: RequestHead;
  readonly #handler: ResponseHandler;
  #informational = 0;

  /** @param request the request that is answered */
  constructor(request: RequestHead, handler: ResponseHandler, limits: ExchangeLimits = EXCHANGE_LIMITS) {
    super(handler, limits);
    this.#request = request;
    this.#handler = handler;
    this.section.begin(FIRST_RESPONSE);
  }

  protected override headOf({ status, fields }: Section): ResponseHead | null {
    checkFields(fields, "head");
    if (isPseudo(fields[0] ?? "")) throw malformed("A response may not have a pseudo-field.");
    if (status === 101 && this.#request.protocol === undefined) {
      throw malformed("The protocol was switched without a request for it.");
    }
    if (status >= 200 || status === 101) return { status, fields };
    if (++this.#informational > this.limits.informational) {
      const why = `More than ${this.limits.informational} informational responses came.`;
      throw new FairleadError("exchange.too_large", why);
    }
    this.section.begin(NEXT_RESPONSE);
    this.#handler.onInformational({ status, fields });
    return null;
  }

  protected override lengthOf({ status, fields }: ResponseHead): number | null {
    if (isTunnel(this.#request, status)) return null;
    return hasNoContent(this.#request.method, status) ? 0 : contentLength(fields);
  }
}

/** Takes `:protocol` out of the fields. No other pseudo-field is allowed. */
function takeProtocol(fields: string[]): string | undefined {
  if (!isPseudo(fields[0] ?? "")) return undefined;
  const [name, protocol = ""] = fields.splice(0, 2);
  if (name !== ":protocol" || isPseudo(fields[0] ?? "")) {
    throw malformed("A request may have no pseudo-field but one :protocol.");
  }
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/.test(protocol)) {
    throw malformed("The protocol to switch to has the wrong form.");
  }
  return protocol;
}

/** Takes `host` out of the fields. It must say what the authority says, where there is one. */
function takeHost(fields: string[], authority: string): string {
  let known = authority;
  for (let index = 0; index < fields.length; ) {
    if (fields[index] !== "host") {
      index += 2;
      continue;
    }
    const [, host = ""] = fields.splice(index, 2);
    if (known !== "" && host !== known) throw malformed("The request names two hosts.");
    known = host;
  }
  return known;
}

function checkTarget({ method, scheme, authority, path, protocol }: RequestHead): void {
  if (method === "") throw malformed("The request has no method.");
  if (!isAuthority(authority)) throw malformed("The authority of the request has the wrong form.");
  if (method === "CONNECT" && protocol === undefined) {
    if (scheme !== "" || path !== "" || authority === "") {
      throw malformed("A CONNECT has an authority, and neither scheme nor path.");
    }
    return;
  }
  if (scheme !== "http" && scheme !== "https") throw malformed("The scheme is neither http nor https.");
  if (!path.startsWith("/") && !(path === "*" && method === "OPTIONS")) {
    throw malformed("The path of the request does not begin with a slash.");
  }
}

const malformed = (why: string): FairleadError => new FairleadError("exchange.malformed", why);
