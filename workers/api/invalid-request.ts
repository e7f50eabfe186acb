/** What is wrong with a request's form, in words. */
import { FairleadError } from "../../protocol/errors.ts";
import { describeIssues, type SchemaIssue } from "../../protocol/parse.ts";

const PLACE: Record<string, string> = { json: "body", param: "path", query: "query" };

/** What a schema refused, as one sentence that names the fields. */
export function invalidRequest(target: string, issues: readonly SchemaIssue[]): FairleadError {
  const place = PLACE[target] ?? target;
  return new FairleadError("request.invalid", `${describeIssues(issues, place)}.`);
}
