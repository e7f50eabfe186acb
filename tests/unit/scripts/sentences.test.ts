import { describe, expect, it } from "vitest";
import { sentences } from "../../../scripts/sentences.ts";

describe("sentences", () => {
  it("splits a text at the end of each sentence", () => {
    expect(sentences("Pumps run. They stop at 5 bar. Why? `pump status` says it.")).toEqual([
      "Pumps run.",
      "They stop at 5 bar.",
      "Why?",
      "`pump status` says it.",
    ]);
  });

  it("keeps abbreviations, file names and numbers whole", () => {
    const text = "Version 1.0 reads oidc.yaml, e.g. from /etc, and waits 1.5 seconds.";
    expect(sentences(text)).toEqual([text]);
  });

  it("has none in an empty text", () => {
    expect(sentences("")).toEqual([]);
  });

  it("never splits code", () => {
    expect(sentences("Run `a. B`. Then stop.")).toEqual(["Run `a. B`.", "Then stop."]);
  });
});
