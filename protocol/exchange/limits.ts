/** The limits of an exchange's head, which every receiver enforces (docs/protocol.md, "Exchanges"). */

/** The largest head or trailer section, in bytes of its binary form. */
export const MAX_HEAD_BYTES = 32 * 1024;

/** Most field lines of a head or a trailer section. */
export const MAX_FIELDS = 100;

/** The longest method, authority or path, bytes. */
export const MAX_CONTROL_BYTES = 16 * 1024;

/** Most informational responses before the final one. */
export const MAX_INFORMATIONAL = 256;

/** Most bytes of padding behind a message. */
export const MAX_PADDING_BYTES = 64 * 1024;

/** Limits of a decoder. A test has smaller ones. */
export interface ExchangeLimits {
  readonly headBytes: number;
  readonly fields: number;
  readonly controlBytes: number;
  readonly informational: number;
  readonly paddingBytes: number;
}

/** The limits that every receiver has. */
export const EXCHANGE_LIMITS: ExchangeLimits = {
  headBytes: MAX_HEAD_BYTES,
  fields: MAX_FIELDS,
  controlBytes: MAX_CONTROL_BYTES,
  informational: MAX_INFORMATIONAL,
  paddingBytes: MAX_PADDING_BYTES,
};
