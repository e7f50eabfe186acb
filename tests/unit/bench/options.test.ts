import { describe, expect, test } from "vitest";
import { parseOptions, parts, selected } from "../../bench/options.ts";

describe("the bench's options", () => {
  test("are five rounds of four seconds unless told otherwise", () => {
    expect(parseOptions([])).toMatchObject({
      rounds: 5,
      seconds: 4,
      streams: 10_000,
      only: [],
      against: null,
      profile: null,
    });
    expect(parseOptions(["--quick"])).toMatchObject({ rounds: 1, seconds: 2 });
    expect(parseOptions(["--quick", "--rounds", "2"])).toMatchObject({ rounds: 2, seconds: 2 });
  });

  test("compare two builds in an even number of rounds unless told otherwise", () => {
    expect(parseOptions(["--against", "x"]).rounds).toBe(6);
    expect(parseOptions(["--against", "x", "--quick"]).rounds).toBe(2);
    expect(parseOptions(["--against", "x", "--rounds", "3"]).rounds).toBe(3);
  });

  test("--noise asks for a busy neighbour", () => {
    expect(parseOptions(["--noise"]).noise).toBe(true);
    expect(parseOptions([]).noise).toBe(false);
  });

  test("--profile takes a directory or nothing", () => {
    expect(parseOptions(["--profile", "--quick"]).profile).toBe("profiles");
    expect(parseOptions(["--profile"]).profile).toBe("profiles");
    expect(parseOptions(["--profile", "here"]).profile).toBe("here");
  });

  test("--against takes the directory of another checkout", () => {
    expect(parseOptions(["--against", "../before"]).against).toBe("../before");
  });

  test("refuse what is no whole number and what they do not know", () => {
    expect(() => parseOptions(["--rounds", "0"])).toThrow("--rounds 0");
    expect(() => parseOptions(["--seconds", "x"])).toThrow("--seconds x");
    expect(() => parseOptions(["--nonsense"])).toThrow("--nonsense");
  });

  test("--only narrows measures and systems apart from each other", () => {
    const measures = [{ id: "bulk-1" }, { id: "bulk-8" }, { id: "requests-1" }, { id: "requests-10" }];
    const systems = [{ id: "direct" }, { id: "nginx" }];
    const only = ["bulk", "nginx"];
    expect(selected(measures, only).map(({ id }) => id)).toEqual(["bulk-1", "bulk-8"]);
    expect(selected(systems, only).map(({ id }) => id)).toEqual(["nginx"]);
    expect(selected(systems, ["bulk"])).toEqual(systems);
    expect(selected(measures, ["requests-1"]).map(({ id }) => id)).toEqual(["requests-1"]);
  });

  test("--only scale and --only cpu run these measures alone, and other names leave them out", () => {
    expect(parts([])).toEqual({ comparison: true, scale: true, cpu: true });
    expect(parts(["scale"])).toEqual({ comparison: false, scale: true, cpu: false });
    expect(parts(["cpu"])).toEqual({ comparison: false, scale: false, cpu: true });
    expect(parts(["bulk"])).toEqual({ comparison: true, scale: false, cpu: false });
    expect(parts(["scale", "bulk"])).toEqual({ comparison: true, scale: true, cpu: false });
  });

  test("--sites is 1000, or 100 in a quick run, unless given", () => {
    expect(parseOptions([]).sites).toBe(1000);
    expect(parseOptions(["--quick"]).sites).toBe(100);
    expect(parseOptions(["--sites", "20"]).sites).toBe(20);
  });
});
