import { expect, test } from "vitest";
import { EXIT, exitCodeFor } from "../../../../../connector/cli/framework/exit.ts";
import { ERRORS, type ErrorCode } from "../../../../../protocol/errors.ts";

test.each<[ErrorCode, number]>([
  ["request.invalid", 2],
  ["token.malformed", 2],
  ["request.too_large", 2],
  ["edge.not_logged_in", 3],
  ["key.invalid", 3],
  ["key.forbidden", 3],
  ["site.unknown", 4],
  ["token.expired", 4],
  ["network.taken", 5],
  ["state.locked", 5],
  ["edge.unreachable", 6],
  ["connector.unreachable", 6],
  ["service.timeout", 6],
  ["edge.untrusted", 1],
  ["edge.internal", 1],
  ["cli.internal", 1],
])("%s ends with exit code %i", (code, exit) => {
  expect(exitCodeFor(code)).toBe(exit);
});

test("every error of the table has a documented exit code other than 0", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    expect(Object.values(EXIT)).toContain(exitCodeFor(code));
    expect(exitCodeFor(code)).not.toBe(EXIT.ok);
  }
});
