/** Text from outside that is shown to people. It must not control a terminal and must stay on its line. */
import * as z from "zod";

/** C0, DEL and C1 controls, separators of lines and paragraphs, and controls of text direction. */
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const ALL_CONTROLS = new RegExp(CONTROLS, "gu");

/** The schema of a text without control characters, at most `max` UTF-16 code units long. */
export const shownText = (max: number) =>
  z
    .string()
    .max(max)
    .refine((text) => !CONTROLS.test(text), "must have no control characters");

/**
 * Replaces each control character by its escape, such as \\u001b. Idempotent; the result is never shorter.
 */
export function visible(text: string): string {
  if (!CONTROLS.test(text)) return text;
  return text.replace(ALL_CONTROLS, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}
