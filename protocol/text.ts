/** Text that comes from somebody else and is shown: it says nothing to a terminal, and stays on its line. */
import { z } from "zod";

/** C0, DEL and C1 controls, separators of lines and paragraphs, and what turns the direction of text. */
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const ALL_CONTROLS = new RegExp(CONTROLS, "gu");

/** A text of at most `max` UTF-16 code units in which everything can be seen. */
export const shownText = (max: number) =>
  z
    .string()
    .max(max)
    .refine((text) => !CONTROLS.test(text), "must have no control characters");

/** The text with each control character as its escape, such as \\u001b. Idempotent; never shorter. */
export function visible(text: string): string {
  if (!CONTROLS.test(text)) return text;
  return text.replace(ALL_CONTROLS, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}
