/** The first bytes of a connection: whether a TLS handshake begins there, before anything is spent on it. */

/** Bytes of a TLS record's header. */
const HEADER = 5;
/** Content type of handshake records, and the first byte of every TLS version. RFC 8446, section 5.1. */
const HANDSHAKE = 0x16;
const MAJOR_VERSION = 3;
/** Longest fragment of a plaintext record, bytes. */
const MAX_FRAGMENT = 16_384;
/** Type of the handshake message. RFC 8446, section 4. */
const CLIENT_HELLO = 1;

/** Most bytes that {@link readClientHello} may ask for. */
export const MAX_CLIENT_HELLO = HEADER + MAX_FRAGMENT;

/**
 * Whether `bytes` hold the first record of a ClientHello: all of it, a part of it, or something else. A ClientHello
 * that is split over several records counts as complete with its first.
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
