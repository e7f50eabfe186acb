/** Tells HTTP/2 from HTTP/1.1 by the first bytes of a connection. */

/** The preface of HTTP/2 (RFC 9113 §3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/**
 * The protocol of a connection that begins with these bytes; null while they may still be either. `PRI` is no method of
 * HTTP/1.1, so what begins so and goes on otherwise is left to HTTP/1.1, which refuses it.
 */
export function protocolOf(first: Buffer): "http1" | "http2" | null {
  const length = Math.min(first.length, PREFACE.length);
  if (PREFACE.compare(first, 0, length, 0, length) !== 0) return "http1";
  return length === PREFACE.length ? "http2" : null;
}
