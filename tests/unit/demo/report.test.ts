import { describe, expect, it } from "vitest";
import { wrapped } from "../../demo/report.ts";

describe("wrapped", () => {
  it("breaks a text at blanks, within the width", () => {
    expect(wrapped("one two three four", 9)).toEqual(["one two", "three", "four"]);
    expect(wrapped("one two", 7)).toEqual(["one two"]);
  });

  it("keeps a word whole that is longer than the width", () => {
    expect(wrapped("a https://127.0.0.1:8443 b", 10)).toEqual(["a", "https://127.0.0.1:8443", "b"]);
  });
});
