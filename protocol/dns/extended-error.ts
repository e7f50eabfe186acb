/** Extended DNS errors (RFC 8914): why a query failed, in an option of the answer's OPT record. */
import { optionBytes } from "./options.ts";

/** The code of the option. */
export const EXTENDED_ERROR_OPTION = 15;

export interface ExtendedError {
  /** The INFO-CODE, of IANA's registry. */
  readonly code: number;
  /** Printable ASCII. */
  readonly text: string;
}

/** INFO-CODEs that this project uses. */
const OTHER = 0;
const NO_REACHABLE_AUTHORITY = 22;

/** The most characters of a text that are passed on. */
const MAX_TEXT = 200;

/** The error of a zone that is forwarded in a circle. */
export const circleError = (zone: string): ExtendedError => ({
  code: OTHER,
  text: `The zone ${zone} is forwarded in a circle.`,
});

/** The error of a zone for which no server answered. */
export const unreachableError = (zone: string): ExtendedError => ({
  code: NO_REACHABLE_AUTHORITY,
  text: `No server of the zone ${zone} answered.`,
});

/** The error in the data of an option; null if it is malformed. */
export function readExtendedError(data: Uint8Array): ExtendedError | null {
  if (data.length < 2) return null;
  const printable = data.subarray(2, 2 + MAX_TEXT).filter((byte) => byte >= 0x20 && byte < 0x7f);
  return { code: ((data[0] ?? 0) << 8) | (data[1] ?? 0), text: String.fromCharCode(...printable) };
}

/** The bytes of the option, with its code and length. */
export function extendedErrorOption({ code, text }: ExtendedError): number[] {
  const bytes = Array.from(text.slice(0, MAX_TEXT), (character) => character.charCodeAt(0) & 0x7f);
  return optionBytes(EXTENDED_ERROR_OPTION, [code >>> 8, code & 0xff, ...bytes]);
}
