/**
 * The retries of requests that services permit, as `--retry` gives them:
 *
 *     --retry orders=PUT,DELETE           --retry reports=off
 */
import { FairleadError } from "../../protocol/errors.ts";
import { ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";

/** Methods that a service may permit beside GET, HEAD and OPTIONS. */
export const RETRY_METHODS = ["PUT", "DELETE"] as const;
export type RetryMethod = (typeof RETRY_METHODS)[number];

/** The retries of one service. */
export interface ServiceRetry {
  /** The service. */
  readonly name: string;
  /** Methods that may be repeated as well; null for no repetition at all. */
  readonly methods: readonly RetryMethod[] | null;
}

const FORM = "NAME=METHOD[,METHOD] with PUT and DELETE, or NAME=off";

/** Parses a value of `--retry`. @throws FairleadError `request.invalid`. */
export function parseRetry(text: string): ServiceRetry {
  const invalid = (why: string) => new FairleadError("request.invalid", `"${text}": ${why}.`);
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid(`the form is ${FORM}`);
  const name = parseWith(ServiceName, text.slice(0, equals), invalid);
  const value = text.slice(equals + 1);
  if (value === "off") return { name, methods: null };
  const methods = value.split(",").map((part) => {
    const method = RETRY_METHODS.find((each) => each === part.trim().toUpperCase());
    if (method === undefined) throw invalid(`"${part.trim()}" is no method to permit: the form is ${FORM}`);
    return method;
  });
  return { name, methods: RETRY_METHODS.filter((method) => methods.includes(method)) };
}

/** Whether two services permit the same retries. */
export function sameRetry(left: ServiceRetry, right: ServiceRetry): boolean {
  return left.methods?.join() === right.methods?.join();
}

const NONE: ReadonlySet<string> = new Set();

export class RetryPolicy {
  #services: ReadonlyMap<string, ReadonlySet<string> | null> = new Map();

  constructor(services: readonly ServiceRetry[] = []) {
    this.set(services);
  }

  /** Replaces the policy, for failures from now on. The last entry of a service counts. */
  set(services: readonly ServiceRetry[]): void {
    this.#services = new Map(services.map(({ name, methods }) => [name, methods && new Set(methods)]));
  }

  /** The methods that the service permits beside GET, HEAD and OPTIONS; null permits no repetition at all. */
  methods(service: string): ReadonlySet<string> | null {
    const methods = this.#services.get(service);
    return methods === undefined ? NONE : methods;
  }
}
