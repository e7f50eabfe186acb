/** The error of a request for the state's Secret that failed. */
import { FairleadError } from "../../../protocol/errors.ts";
import { ApiError } from "../api/failure.ts";
import { KINDS } from "../api/kinds.ts";
import { rightOf, rightText } from "../cluster/refused-rights.ts";

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const TOO_MANY = 429;

/** The request. */
export interface SecretRequest {
  readonly verb: string;
  readonly namespace: string;
  /** What messages call the Secret. */
  readonly label: string;
}

export function stateFailure(error: unknown, { verb, namespace, label }: SecretRequest): FairleadError {
  if (error instanceof FairleadError) return error;
  if (!(error instanceof ApiError)) return refused(`The answer about ${label} makes no sense.`, label, error);
  const { status, message, isTerminating } = error.failure;
  if (status === UNAUTHORIZED)
    return new FairleadError("kubernetes.unauthorized", undefined, { cause: error });
  if (status === FORBIDDEN && isTerminating !== true) {
    const right = rightText(rightOf(verb, KINDS.secrets, namespace));
    const text = `The connector's account may not ${right}: ${message}`;
    return new FairleadError("kubernetes.forbidden", text, { cause: error });
  }
  if (status === null || status === TOO_MANY || status >= 500) {
    const text = `The Kubernetes API server does not answer about ${label}: ${message}`;
    return new FairleadError("kubernetes.unreachable", text, { cause: error });
  }
  return refused(`Cannot ${verb} ${label}: ${message}`, label, error);
}

const refused = (message: string, label: string, cause: unknown): FairleadError =>
  new FairleadError("state.unwritable", message, {
    action: `Correct what is wrong with ${label}; the connector tries again by itself.`,
    cause,
  });
