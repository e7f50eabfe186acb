/** Recognises a TLS ClientHello in the first bytes of a connection. */

/** Length of a TLS record's header, bytes. */
const HEADER = 5;
/** Content type of handshake records, and the first byte of every TLS version. RFC 8446, section 5.1. */
const HANDSHAKE = 0x16;
const MAJOR_VERSION = 3;
/** Longest fragment of a plaintext record, bytes. */
const MAX_FRAGMENT = 16_384;
/** Type of the handshake message. RFC 8446, section 4. */
const CLIENT_HELLO = 1;

/** Most bytes that {@link readClientHello} needs. */
export const MAX_CLIENT_HELLO = HEADER + MAX_FRAGMENT;

/**
 * Whether `bytes` are the whole first record of a ClientHello, a part of it, or something else. A ClientHello
 * in several records counts as complete with its first record.
 */
export function readClientHello(bytes: Uint8Array): "complete" | "partial" | "other" {
  const [type, major, , high, low, message] = bytes;
  if (type !== undefined && type !== HANDSHAKE) return "other";
  if (major !== undefined && major !== MAJOR_VERSION) return "other";
  if (high === undefined || low === undefined) return "partial";
  const length = (high << 8) | low;
  if (length === 0 || length > MAX_FRAGMENT) return "other";
  if (message !== undefined && message !== CLIENT_HELLO) return "other";
  return bytes.length >= HEADER + length ? "complete" : "partial";
}
