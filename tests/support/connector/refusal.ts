/** Refusals of dials, compared with the error table. */
import { expect } from "vitest";
import { ERRORS, type ErrorCode } from "../../../protocol/errors.ts";
import type { Attempt } from "./raw-site.ts";

/** Checks that a dial was refused with a code and its status. */
export function expectRefused(result: Attempt, code: ErrorCode): void {
  expect(result).toEqual({ kind: "refused", status: ERRORS[code].status, code });
}
