import { describe, expect, it } from "vitest";
import * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { describeIssues, type ParseFailure, parseJsonWith, parseWith } from "../../../protocol/parse.ts";

const Point = z.object({ x: z.number(), at: z.object({ y: z.number("must be a number") }) });
const failure: ParseFailure = { code: "request.invalid", what: "The point is malformed" };

function errorOf(action: () => unknown): FairleadError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof FairleadError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

describe("parseWith", () => {
  it("returns what the schema makes of the value", () => {
    expect(parseWith(Point, { x: 1, at: { y: 2 }, other: 3 }, failure)).toEqual({ x: 1, at: { y: 2 } });
  });

  it("throws the given code with the refused field in a sentence", () => {
    const error = errorOf(() => parseWith(Point, { x: 1, at: { y: "2" } }, failure));
    expect(error.code).toBe("request.invalid");
    expect(error.message).toBe("The point is malformed: at.y: must be a number.");
    expect(error.cause).toBeInstanceOf(z.ZodError);
  });

  it("leaves the path out where the whole value is refused", () => {
    const error = errorOf(() => parseWith(z.string("must be text"), 1, { code: "request.invalid" }));
    expect(error.message).toBe("must be text.");
  });

  it("throws the error that a function makes of the description", () => {
    const error = errorOf(() =>
      parseWith(
        Point,
        null,
        (_, cause) => new FairleadError("state.corrupt", "The file is damaged.", { cause }),
      ),
    );
    expect([error.code, error.message]).toEqual(["state.corrupt", "The file is damaged."]);
    expect(error.cause).toBeInstanceOf(z.ZodError);
  });
});

describe("parseJsonWith", () => {
  it("parses text by a schema", () => {
    expect(parseJsonWith(Point, '{"x":1,"at":{"y":2}}', failure)).toEqual({ x: 1, at: { y: 2 } });
  });

  it("throws the given code for text that is not JSON", () => {
    const error = errorOf(() => parseJsonWith(Point, "{", failure));
    expect(error.message).toBe("The point is malformed: not JSON.");
    expect(error.cause).toBeInstanceOf(SyntaxError);
  });
});

describe("describeIssues", () => {
  it("names at most five fields, each below the root", () => {
    const issues = Array.from({ length: 7 }, (_, at) => ({ path: ["list", at], message: "is wrong" }));
    expect(describeIssues(issues, "body").split("; ")).toEqual(
      [0, 1, 2, 3, 4].map((at) => `body.list.${at}: is wrong`),
    );
  });
});
