/** Validation of outside input: turns what a schema refuses into a {@link FairleadError}. */
import type { z } from "zod";
import { type ErrorCode, FairleadError } from "./errors.ts";

/** One refusal of a schema. */
export interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Issues described at most: a long list helps nobody. */
const MAX_ISSUES = 5;

/** The fields that a schema refused and why, in one line without a period. `root` stands before each path. */
export function describeIssues(issues: readonly SchemaIssue[], root = ""): string {
  const texts = issues.slice(0, MAX_ISSUES).map(({ path, message }) => {
    const where = [...(root === "" ? [] : [root]), ...path.map(String)].join(".");
    return where === "" ? message : `${where}: ${message}`;
  });
  return texts.join("; ");
}

/** How a refused value becomes an error: a code and a subject, or a function of the description. */
export type ParseFailure =
  | {
      readonly code: ErrorCode;
      /** Begins the message: what was parsed. */
      readonly what?: string;
    }
  | ((description: string, cause: unknown) => FairleadError);

/** Parses a value by a schema. @throws FairleadError as `failure` says; the message names the refused fields. */
export function parseWith<T extends z.ZodType>(
  schema: T,
  value: unknown,
  failure: ParseFailure,
): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw failureOf(failure, describeIssues(parsed.error.issues), parsed.error);
}

/** Parses JSON text by a schema. @throws FairleadError as `failure` says. */
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
