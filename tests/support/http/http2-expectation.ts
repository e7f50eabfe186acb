/** What a client of HTTP/2 expects of a server after its frames. */

/** The error codes of RFC 9113 §7, in the order of their numbers. */
export const ERROR_CODES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export type Http2Expectation =
  /** The connection ends. */
  | { readonly event: "closed" }
  /** GOAWAY with one of the codes, or the end of the connection. */
  | { readonly event: "connectionError"; readonly codes: readonly ErrorCode[] }
  /** RST_STREAM or GOAWAY with one of the codes, or the end of the connection. */
  | { readonly event: "streamError"; readonly codes: readonly ErrorCode[] }
  | { readonly event: "goaway"; readonly code: ErrorCode }
  | { readonly event: "reset"; readonly stream: number; readonly code: ErrorCode }
  /** The next frame is SETTINGS, and no acknowledgement. */
  | { readonly event: "settings" }
  | { readonly event: "settingsAck" }
  /** The next HEADERS are those of the stream. */
  | { readonly event: "headers"; readonly stream: number }
  /** The next DATA has this length in bytes, or any. */
  | { readonly event: "data"; readonly length?: number }
  /** A response has ended. */
  | { readonly event: "streamEnd" }
  /** The next PING acknowledges this payload of 8 bytes. */
  | { readonly event: "ping"; readonly payload: Buffer; readonly orClosed?: boolean }
  /** A PING that comes after the frames is answered, with neither RST_STREAM nor GOAWAY before. */
  | { readonly event: "nothing" };

export const isAny = (code: ErrorCode | null, codes: readonly ErrorCode[]): boolean =>
  code !== null && codes.includes(code);

export const closed: Http2Expectation = { event: "closed" };
export const nothing: Http2Expectation = { event: "nothing" };
export const streamEnd: Http2Expectation = { event: "streamEnd" };
export const settingsAck: Http2Expectation = { event: "settingsAck" };

export const connectionError = (...codes: readonly ErrorCode[]): Http2Expectation => ({
  event: "connectionError",
  codes,
});

export const streamError = (...codes: readonly ErrorCode[]): Http2Expectation => ({
  event: "streamError",
  codes,
});

export const headersOf = (stream: number): Http2Expectation => ({ event: "headers", stream });

export const dataOf = (length?: number): Http2Expectation =>
  length === undefined ? { event: "data" } : { event: "data", length };
