import { describe, expect, it } from "vitest";
import { parseLayerOptions } from "../../../bench/layers/options.ts";

describe("the options of the bench of the layers", () => {
  it("are four rounds of every stack unless told otherwise", () => {
    expect(parseLayerOptions([])).toEqual({
      rounds: 4,
      only: [],
      json: null,
      before: null,
      page: null,
      profile: null,
      help: false,
    });
    const line = ["--only", "lane", "--only", "loop", "--rounds", "2"];
    expect(parseLayerOptions(line)).toMatchObject({ only: ["lane", "loop"], rounds: 2 });
  });

  it("refuse what is no whole number and what they do not know", () => {
    expect(() => parseLayerOptions(["--rounds", "0"])).toThrow("--rounds 0");
    expect(() => parseLayerOptions(["--nonsense"])).toThrow("--nonsense");
  });
});
