/** The limits of requests to targets (docs/protocol.md, "Exchanges"). */

export interface ClientLimits {
  /** How long a connection to a target may take to come up, with TLS and HTTP/2's SETTINGS, ms. */
  readonly connectMs: number;
  /** How long a target may be silent before the head of its response, ms. A gRPC call has its own deadline. */
  readonly firstByteMs: number;
  /** How long an exchange may be silent in both directions after that, ms. A switched protocol may be silent. */
  readonly idleMs: number;
  /** How long a connection to a target is kept without a request, ms; less where the target names less. */
  readonly keptMs: number;
  /** How long a connection may have been kept for a request whose repetition may do harm, ms. */
  readonly keptForUnsafeMs: number;
  /** Most connections to one target that are kept without a request. */
  readonly kept: number;
  /** Largest head or trailer section of a target, bytes, and most field lines in it. */
  readonly headBytes: number;
  readonly fields: number;
  /** Most informational responses before the final one. */
  readonly informational: number;
}

export const CLIENT_LIMITS: ClientLimits = {
  connectMs: 5000,
  firstByteMs: 60_000,
  idleMs: 300_000,
  keptMs: 30_000,
  keptForUnsafeMs: 1000,
  kept: 256,
  headBytes: 32 * 1024,
  fields: 100,
  informational: 256,
};
