/**
 * Reads one section of a message: a head with its control data, or trailers (RFC 9292 §3.4 to §3.6). A section may
 * arrive in any pieces; the reader looks at no byte twice until the section is whole.
 */
import { FairleadError } from "../errors.ts";
import { isBlank, NAME_BYTE, TARGET_BYTE, TOKEN_BYTE, VALUE_BYTE } from "./field-bytes.ts";
import type { ExchangeLimits } from "./limits.ts";
import { readVarint, varintBytes } from "./varint.ts";

/** What a section consists of in front of its field lines. */
export interface SectionForm {
  /** The framing indicator that it begins with; null for none. */
  readonly framing: number | null;
  /** Whether a status comes next. */
  readonly status: boolean;
  /** The texts that come next, in order. */
  readonly control: readonly ("method" | "scheme" | "authority" | "path")[];
}

/** The form of a trailer section. */
export const TRAILERS: SectionForm = { framing: null, status: false, control: [] };

/** A whole section. */
export interface Section {
  /** 0 where the form has no status. */
  readonly status: number;
  readonly control: readonly string[];
  /** Names, in lower case, and values. */
  readonly fields: string[];
}

const COLON = 0x3a;
const ascii = new TextDecoder();

export class SectionReader {
  readonly #limits: ExchangeLimits;
  #form: SectionForm = TRAILERS;
  #needsFraming = false;
  #needsStatus = false;
  #status = 0;
  /** Where the texts of the section begin and end, relative to its first byte. */
  #spans: number[] = [];
  /** The byte that is read next, relative to the first. */
  #next = 0;

  constructor(limits: ExchangeLimits) {
    this.#limits = limits;
  }

  /** Begins a section of this form. */
  begin(form: SectionForm): void {
    this.#form = form;
    this.#needsFraming = form.framing !== null;
    this.#needsStatus = form.status;
    this.#status = 0;
    this.#spans = [];
    this.#next = 0;
  }

  /** Whether the section has only field lines, and none of its bytes was read. */
  get isUntouched(): boolean {
    return this.#next === 0;
  }

  /** Bytes of the section that were read. */
  get bytes(): number {
    return this.#next;
  }

  /**
   * Reads on. The section's first byte is at `start`, and the bytes before `end` are there.
   * @returns whether the section is whole; then {@link bytes} is its length.
   * @throws FairleadError exchange.malformed, exchange.too_large
   */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    const { headBytes } = this.#limits;
    const spans = this.#spans;
    const texts = this.#form.control.length * 2;
    for (;;) {
      const at = start + this.#next;
      if (at >= end) break;
      const first = bytes[at] ?? 0;
      const width = varintBytes(first);
      if (at + width > end) break;
      const value = width === 1 ? first : readVarint(bytes, at);
      if (this.#needsFraming) {
        this.#checkFraming(value);
        this.#next += width;
        continue;
      }
      if (this.#needsStatus) {
        this.#checkStatus(value);
        this.#next += width;
        continue;
      }
      const isControl = spans.length < texts;
      const isName = !isControl && (spans.length - texts) % 4 === 0;
      if (isName && value === 0) {
        this.#next += width;
        if (this.#next > headBytes) throw tooLarge(`A head has more than ${headBytes} bytes.`);
        return true;
      }
      if (isName) this.#checkCount(spans.length - texts);
      if (isControl && value > this.#limits.controlBytes) {
        const what = this.#form.control[spans.length / 2];
        throw tooLarge(`The ${what} has more than ${this.#limits.controlBytes} bytes.`);
      }
      const text = this.#next + width;
      if (text + value > headBytes) throw tooLarge(`A head has more than ${headBytes} bytes.`);
      if (start + text + value > end) break;
      spans.push(text, text + value);
      this.#next = text + value;
    }
    return false;
  }

  /** The section that is whole, whose first byte is at `start`. @throws FairleadError exchange.malformed */
  take(bytes: Uint8Array, start: number): Section {
    const spans = this.#spans;
    const end = start + this.#next;
    const text = textOf(bytes, start, end);
    const control: string[] = [];
    const fields: string[] = [];
    const texts = this.#form.control.length * 2;
    for (let index = 0; index < texts; index += 2) {
      const from = spans[index] ?? 0;
      const to = spans[index + 1] ?? 0;
      const what = this.#form.control[index / 2];
      const isWhole = hasOnly(bytes, start + from, start + to, what === "method" ? TOKEN_BYTE : TARGET_BYTE);
      if (!isWhole) throw malformed(`The ${what} has a byte that none has.`);
      control.push(text(from, to));
    }
    let isPseudoAllowed = true;
    for (let index = texts; index < spans.length; index += 4) {
      const nameFrom = spans[index] ?? 0;
      const nameTo = spans[index + 1] ?? 0;
      const valueFrom = spans[index + 2] ?? 0;
      const valueTo = spans[index + 3] ?? 0;
      const isPseudo = bytes[start + nameFrom] === COLON;
      if (isPseudo && !isPseudoAllowed) throw malformed("A pseudo-field follows a field.");
      isPseudoAllowed &&= isPseudo;
      checkName(bytes, start + nameFrom + (isPseudo ? 1 : 0), start + nameTo);
      checkValue(bytes, start + valueFrom, start + valueTo);
      fields.push(text(nameFrom, nameTo), text(valueFrom, valueTo));
    }
    return { status: this.#status, control, fields };
  }

  #checkFraming(value: number): void {
    if (value !== this.#form.framing) {
      throw malformed(`The framing indicator is ${value} and not ${this.#form.framing}.`);
    }
    this.#needsFraming = false;
  }

  #checkStatus(value: number): void {
    if (value < 100 || value > 599) throw malformed(`There is no status ${value}.`);
    this.#status = value;
    this.#needsStatus = false;
  }

  #checkCount(spansOfFields: number): void {
    const { fields } = this.#limits;
    if (spansOfFields / 4 >= fields) throw tooLarge(`A head has more than ${fields} fields.`);
  }
}

/** Reads the texts of a section by their places. One call decodes all of them where they are ASCII. */
function textOf(bytes: Uint8Array, start: number, end: number): (from: number, to: number) => string {
  let all = 0;
  for (let at = start; at < end; at++) all |= bytes[at] ?? 0;
  if (all < 0x80) {
    const whole = ascii.decode(bytes.subarray(start, end));
    return (from, to) => whole.slice(from, to);
  }
  return (from, to) => {
    let text = "";
    for (let at = start + from; at < start + to; at++) text += String.fromCharCode(bytes[at] ?? 0);
    return text;
  };
}

function hasOnly(bytes: Uint8Array, from: number, to: number, allowed: Uint8Array): boolean {
  for (let at = from; at < to; at++) if (allowed[bytes[at] ?? 0] !== 1) return false;
  return true;
}

function checkName(bytes: Uint8Array, from: number, to: number): void {
  if (from === to) throw malformed("A field has no name.");
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (NAME_BYTE[byte] !== byte || byte === 0) throw malformed("A field name has a byte that no name has.");
  }
}

function checkValue(bytes: Uint8Array, from: number, to: number): void {
  if (from === to) return;
  if (isBlank(bytes[from] ?? 0) || isBlank(bytes[to - 1] ?? 0)) {
    throw malformed("A field value begins or ends with a blank.");
  }
  if (!hasOnly(bytes, from, to, VALUE_BYTE)) throw malformed("A field value has a byte that no value has.");
}

const malformed = (why: string): FairleadError => new FairleadError("exchange.malformed", why);
const tooLarge = (why: string): FairleadError => new FairleadError("exchange.too_large", why);
