import { describe, expect, it } from "vitest";
import { parseSwitches, perUnit } from "../../bench/usage/usage.ts";

describe("usage", () => {
  it("takes both kinds of context switches from a thread's status", () => {
    const status = "Name:\tnode\nvoluntary_ctxt_switches:\t1234\nnonvoluntary_ctxt_switches:\t56\n";
    expect(parseSwitches(status)).toEqual({ voluntary: 1234, involuntary: 56 });
  });

  it("counts a thread that ended as none", () => {
    expect(parseSwitches("")).toEqual({ voluntary: 0, involuntary: 0 });
  });

  it("is divided by the units of work", () => {
    const used = { user: 2, system: 1, voluntary: 40, involuntary: 10, turns: 100 };
    expect(perUnit(used, 10)).toEqual({ user: 0.2, system: 0.1, voluntary: 4, involuntary: 1, turns: 10 });
    expect(perUnit({ ...used, turns: null }, 10).turns).toBeNull();
  });
});
