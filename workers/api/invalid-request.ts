/** The error for a request that a schema refuses. */
import { FairleadError } from "../../protocol/errors.ts";
import { describeIssues, type SchemaIssue } from "../../protocol/parse.ts";

const PLACE: Record<string, string> = { json: "body", param: "path", query: "query" };

/** Describes what a schema refused in one sentence that names the fields. */
export function invalidRequest(target: string, issues: readonly SchemaIssue[]): FairleadError {
  const place = PLACE[target] ?? target;
  return new FairleadError("request.invalid", `${describeIssues(issues, place)}.`);
}
