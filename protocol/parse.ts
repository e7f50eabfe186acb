/** Parses input from outside by a schema. A refusal becomes a {@link FairleadError}. */
import type * as z from "zod";
import { type ErrorCode, FairleadError } from "./errors.ts";

/** One field that a schema refused. */
export interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Most issues in one description. */
const MAX_ISSUES = 5;

/**
 * Describes issues in one line without a period: each refused field and the reason.
 *
 * @param root put before the path of each field
 */
export function describeIssues(issues: readonly SchemaIssue[], root = ""): string {
  const texts = issues.slice(0, MAX_ISSUES).map(({ path, message }) => {
    const where = (root === "" ? path : [root, ...path]).map(String).join(".");
    return where === "" ? message : `${where}: ${message}`;
  });
  return texts.join("; ");
}

/** How a refusal becomes an error: by a code and a subject, or by a function of the description. */
export type ParseFailure =
  | {
      readonly code: ErrorCode;
      /** Begins the message, such as "The preface is malformed". */
      readonly what?: string;
    }
  | ((description: string, cause: unknown) => FairleadError);

/**
 * Parses a value by a schema.
 * @throws FairleadError as `failure` defines it; the message names the refused fields.
 */
export function parseWith<T extends z.ZodType>(
  schema: T,
  value: unknown,
  failure: ParseFailure,
): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw failureOf(failure, describeIssues(parsed.error.issues), parsed.error);
}

/** Parses JSON text by a schema. @throws FairleadError as `failure` defines it */
export function parseJsonWith<T extends z.ZodType>(
  schema: T,
  text: string,
  failure: ParseFailure,
): z.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw failureOf(failure, "not JSON", cause);
  }
  return parseWith(schema, value, failure);
}

function failureOf(failure: ParseFailure, description: string, cause: unknown): FairleadError {
  if (typeof failure === "function") return failure(description, cause);
  const { code, what } = failure;
  return new FairleadError(code, `${what === undefined ? "" : `${what}: `}${description}.`, { cause });
}
