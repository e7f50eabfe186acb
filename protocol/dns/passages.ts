/**
 * The passages of a question: the connectors that have forwarded it, in an EDNS option (docs/protocol.md, "Zones between
 * sites"). A connector that finds itself among them answers SERVFAIL, so that no question is forwarded in a circle.
 */
import { optionBytes } from "./options.ts";

/** The code of the option, of those for local use (RFC 6891 §9). */
export const PASSAGES_OPTION = 65_313;

/** Bytes of one passage, which a connector chooses at random at its start. */
export const PASSAGE_BYTES = 8;

/** Most passages of a question. One with more of them counts as forwarded in a circle. */
const MAX_PASSAGES = 8;

/** Passages in the order in which they were added, each as lower-case hexadecimal digits. */
export type Passages = readonly string[];

export const NO_PASSAGES: Passages = [];

/** The passages in the data of an option. Bytes that are no whole passage are left out. */
export function readPassages(data: Uint8Array): Passages {
  const passages: string[] = [];
  for (let at = 0; at + PASSAGE_BYTES <= data.length; at += PASSAGE_BYTES) {
    const bytes = data.subarray(at, at + PASSAGE_BYTES);
    passages.push(Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return passages;
}

/** The bytes of the option, with its code and length; none without passages. */
export function passagesOption(passages: Passages): number[] {
  if (passages.length === 0) return [];
  const data = passages.flatMap((passage) =>
    (passage.match(/../g) ?? []).map((digits) => Number.parseInt(digits, 16)),
  );
  return optionBytes(PASSAGES_OPTION, data);
}

/** Whether a question with these passages came here before, or may go round for ever. */
export function isCircle(passages: Passages, own: string): boolean {
  return passages.includes(own) || passages.length >= MAX_PASSAGES;
}
