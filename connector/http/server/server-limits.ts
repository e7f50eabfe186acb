/** The limits of clients that speak HTTP to a listener (docs/protocol.md, "Exchanges"; docs/http.md). */

export interface ServerLimits {
  /** Largest head or trailer section of HTTP/1.1, bytes, and most field lines in it. */
  readonly headBytes: number;
  readonly fields: number;
  /** Longest request line, bytes. */
  readonly lineBytes: number;
  /** How long a head may take from its first byte, and a connection until its first head, ms. */
  readonly headMs: number;
  /** How long a client may send nothing of content that it has begun to send, ms. */
  readonly bodyIdleMs: number;
  /** How long an exchange may be without a byte in either direction, ms. A switched protocol may be silent. */
  readonly idleMs: number;
  /** How long a connection is kept without a request, ms. */
  readonly keptMs: number;
  /** How long, and for how many bytes, a client may go on to send after its response ended. */
  readonly lingerMs: number;
  readonly lingerBytes: number;
  /** Most bytes of further requests that are held while one is served. */
  readonly pipelinedBytes: number;
  /** How often the times are looked at, ms. */
  readonly sweepMs: number;
  /** Most streams of an HTTP/2 connection at once. */
  readonly streams: number;
  /** Receive windows of HTTP/2: of a stream, and of a connection. Bytes. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Most memory of an HTTP/2 connection, MB. */
  readonly connectionMemoryMb: number;
  /** Resets of streams that an HTTP/2 client may send at once, and for each second after that. */
  readonly resetBurst: number;
  readonly resetRate: number;
}

export const SERVER_LIMITS: ServerLimits = {
  headBytes: 32 * 1024,
  fields: 100,
  lineBytes: 16 * 1024,
  headMs: 30_000,
  bodyIdleMs: 60_000,
  idleMs: 300_000,
  keptMs: 75_000,
  lingerMs: 5000,
  lingerBytes: 1024 * 1024,
  pipelinedBytes: 64 * 1024,
  sweepMs: 1000,
  streams: 100,
  streamWindow: 64 * 1024 - 1,
  connectionWindow: 1024 * 1024,
  connectionMemoryMb: 32,
  resetBurst: 100,
  resetRate: 33,
};
