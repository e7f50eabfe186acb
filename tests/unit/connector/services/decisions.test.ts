import { describe, expect, it } from "vitest";
import { inOrder, type Load } from "../../../../connector/services/balancing.ts";
import {
  EMPTY_CATALOGUE,
  fromWelcome,
  reachable,
  withChanges,
} from "../../../../connector/services/catalogue.ts";
import type { Instance, VisibleService } from "../../../../protocol/messages.ts";

const instance = (site: string, boot: string): Instance => ({ site, siteName: site, boot });
const service = (
  name: string,
  port: number,
  offers: Instance[] = [instance("s1", "b1")],
): VisibleService => ({
  ...{ name, port, offers },
  protocol: "tcp",
});

describe("balancing", () => {
  const [a, b, c] = [instance("s1", "b1"), instance("s1", "b2"), instance("s2", "b3")];
  const idle: Load = { streams: 0, session: false, failing: false };
  const order = (loads: Record<string, Partial<Load>>) =>
    inOrder([c, b, a], (one) => ({ ...idle, ...loads[one.boot] })).map((one) => one.boot);

  it("tries the instance with the fewest open streams first", () => {
    expect(order({ b1: { streams: 2 }, b2: { streams: 1 }, b3: { streams: 3 } })).toEqual(["b2", "b1", "b3"]);
  });

  it("prefers an existing session among equals", () => {
    expect(order({ b3: { session: true } })).toEqual(["b3", "b1", "b2"]);
  });

  it("keeps the same order among equals", () => {
    expect(order({})).toEqual(["b1", "b2", "b3"]);
  });

  it("tries what failed a moment ago last", () => {
    expect(order({ b1: { failing: true }, b2: { streams: 9 } })).toEqual(["b3", "b2", "b1"]);
  });
});

describe("the catalogue", () => {
  it("is replaced by a welcome", () => {
    const before = withChanges(EMPTY_CATALOGUE, { put: [service("old", 1)], gone: [] });
    expect([...before.keys()]).toEqual(["old"]);
    expect([...fromWelcome([service("api", 80)]).keys()]).toEqual(["api"]);
  });

  it("adds, replaces and removes by name, and leaves the one before as it was", () => {
    const before = fromWelcome([service("api", 80), service("db", 5432)]);
    const after = withChanges(before, {
      put: [service("api", 81), service("web", 8080)],
      gone: ["db", "never"],
    });
    expect([...after].map(([name, { port }]) => [name, port])).toEqual([
      ["api", 81],
      ["web", 8080],
    ]);
    expect(before.get("api")?.port).toBe(80);
    expect(before.has("db")).toBe(true);
  });

  it("knows a service that only this site offers, and needs no listener for it", () => {
    const catalogue = fromWelcome([service("own", 1, []), service("api", 80)]);
    expect(reachable(catalogue).map(({ name }) => name)).toEqual(["api"]);
  });
});
