import { describe, expect, it } from "vitest";
import { type Candidate, selectTarget } from "../../../../connector/targets/select-target.ts";

const NONE: ReadonlySet<Candidate> = new Set();
const at = (host: string, more: Partial<Candidate> = {}): Candidate => ({
  ...{ host, port: 80, rank: 0, isUp: true, isSound: true, open: 0 },
  ...more,
});

describe("selectTarget", () => {
  it("takes the target with the fewest connections and requests in progress", () => {
    const targets = [at("a", { open: 3 }), at("b", { open: 1 }), at("c", { open: 2 })];
    expect(selectTarget(targets, NONE, () => 0)?.host).toBe("b");
    expect(selectTarget(targets, new Set([targets[1] ?? at("")]), () => 0)?.host).toBe("c");
    expect(selectTarget(targets, new Set(targets), () => 0)).toBeNull();
    expect(selectTarget([], NONE, () => 0)).toBeNull();
  });

  it("chooses among equals at random", () => {
    const targets = [at("a"), at("b"), at("c")];
    const chosen = [0, 0.34, 0.67, 0.99].map((draw) => selectTarget(targets, NONE, () => draw)?.host);
    expect(chosen).toEqual(["a", "b", "c", "c"]);
  });

  it("leaves out a target that is down, and tries one that failed lately last", () => {
    const down = at("a", { isUp: false, isSound: false });
    const unsound = at("b", { isSound: false });
    const sound = at("c", { open: 100 });
    const targets = [down, unsound, sound];
    expect(selectTarget(targets, NONE, () => 0)).toBe(sound);
    expect(selectTarget(targets, new Set([sound]), () => 0)).toBe(unsound);
    expect(selectTarget(targets, new Set([sound, unsound]), () => 0)).toBeNull();
  });

  it("tries all while all are down", () => {
    const targets = [at("a", { isUp: false, open: 1 }), at("b", { isUp: false })];
    expect(selectTarget(targets, NONE, () => 0)?.host).toBe("b");
  });

  it("takes the second family of a host only while the first is down or has failed this client", () => {
    const first = at("a", { open: 5 });
    const second = at("a", { rank: 1 });
    expect(selectTarget([first, second], NONE, () => 0)).toBe(first);
    expect(selectTarget([first, second], new Set([first]), () => 0)).toBe(second);
    const down = at("a", { isUp: false });
    expect(selectTarget([down, second], NONE, () => 0)).toBe(second);
    const other = at("b");
    expect(selectTarget([first, second, other], NONE, () => 0)).toBe(other);
  });
});
