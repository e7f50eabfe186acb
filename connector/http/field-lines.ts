/** The field lines of HTTP/1.1 (RFC 9112 §5), of requests and of responses. A line that is malformed in any way is refused. */

/** What is wrong with field lines. */
export type FieldProblem = "no colon" | "name" | "value" | "too many";

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FIELD_VALUE = /^[\t -~\x80-\xff]*$/;

/** Whether the text can be the name of a field: a blank before the colon or at the start of the line is no part of it. */
export const isFieldName = (text: string): boolean => FIELD_NAME.test(text);

export interface FieldLineRules {
  /** Most fields. */
  readonly most: number;
  /** The name as the caller wants it; null when it is malformed. */
  readonly nameOf: (text: string) => string | null;
  /** Makes the error of a problem. */
  readonly refusal: (problem: FieldProblem) => Error;
}

/**
 * Parses the lines of a text from `start` on: name, value, name, value. Values are without blanks at both ends.
 * @param text each character is one byte; the lines are separated by CRLF, which the last one lacks
 * @throws what `refusal` makes
 */
export function fieldLines(text: string, start: number, { most, nameOf, refusal }: FieldLineRules): string[] {
  const fields: string[] = [];
  let at = start;
  while (at <= text.length) {
    let end = text.indexOf("\r\n", at);
    if (end < 0) end = text.length;
    const colon = text.indexOf(":", at);
    if (colon < 0 || colon > end) throw refusal("no colon");
    const name = nameOf(text.slice(at, colon));
    if (name === null) throw refusal("name");
    const value = trimmed(text, colon + 1, end);
    if (!FIELD_VALUE.test(value)) throw refusal("value");
    if (fields.length >= most * 2) throw refusal("too many");
    fields.push(name, value);
    at = end + 2;
  }
  return fields;
}

/** The text without spaces and tabs at both ends. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;
