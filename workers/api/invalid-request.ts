/** What is wrong with a request's form, in words. */
import { FairleadError } from "../../protocol/errors.ts";

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

const PLACE: Record<string, string> = { json: "body", param: "path", query: "query" };

/** What a schema refused, as one sentence that names the fields. */
export function invalidRequest(target: string, issues: readonly Issue[]): FairleadError {
  const place = PLACE[target] ?? target;
  const texts = issues
    .slice(0, 5)
    .map(({ path, message }) => `${[place, ...path.map(String)].join(".")}: ${message}`);
  return new FairleadError("request.invalid", `${texts.join("; ")}.`);
}
