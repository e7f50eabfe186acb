/** Why a request to a Kubernetes API server failed. */

export interface Failure {
  /** HTTP status, or that of an ERROR event; null where no answer came. */
  readonly status: number | null;
  readonly message: string;
  /** The server's word for the reason: `AlreadyExists`, `Conflict`, `NotFound`. */
  readonly reason?: string;
  /** True where the namespace is being deleted and takes nothing new: quiet and final. */
  readonly isTerminating?: true;
  /** Time that the server wants a client to wait, ms. */
  readonly retryAfter?: number;
}

/** A request that the server refused, or that no answer came to. */
export class ApiError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}
