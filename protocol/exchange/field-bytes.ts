/** The bytes that field names and values may have (RFC 9110 §5.1 and §5.5, RFC 9113 §8.2.1). */

const SPACE = 0x20;
const TAB = 0x09;

function table(codeOf: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => codeOf(byte));
}

const isToken = (byte: number): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(String.fromCharCode(byte));

/** The byte of a name for each byte of it, in lower case; 0 for bytes that no name has. */
export const NAME_BYTE = table((byte) =>
  isToken(byte) ? String.fromCharCode(byte).toLowerCase().charCodeAt(0) : 0,
);

/** 1 for each byte that a token has, in either case; else 0. */
export const TOKEN_BYTE = table((byte) => (isToken(byte) ? 1 : 0));

/** 1 for each byte that a value has; 0 for control characters other than a tab. */
export const VALUE_BYTE = table((byte) => ((byte >= SPACE && byte !== 0x7f) || byte === TAB ? 1 : 0));

/** 1 for each byte that a request target or an authority has: visible ASCII without `#`, and bytes above it. */
export const TARGET_BYTE = table((byte) => (byte > SPACE && byte !== 0x7f && byte !== 0x23 ? 1 : 0));

/** Whether the byte is a space or a tab. */
export const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB;
