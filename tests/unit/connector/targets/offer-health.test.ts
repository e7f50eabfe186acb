import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OfferHealth, type PortState } from "../../../../connector/targets/offer-health.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

function setUp() {
  const log = new MemoryLog();
  const states = new Map<string, PortState>();
  const changes: (readonly number[] | null)[] = [];
  const health = new OfferHealth({
    states: () => states.values(),
    onChange: () => changes.push(health.of("web")?.down ?? null),
    random: () => 0,
    log,
  });
  const set = (place: number, isUp: boolean) => {
    const code = isUp ? undefined : "service.refused";
    states.set(`web ${place}`, { name: "web", place, isUp, code });
    health.review();
  };
  return { health, states, changes, set, log };
}

describe("OfferHealth", () => {
  it("withdraws a service at once, and brings it back a second later", () => {
    const { health, changes, set, log } = setUp();
    set(0, true);
    expect(health.any).toBe(false);
    set(0, false);
    expect(health.of("web")).toEqual({ down: [0], code: "service.refused" });
    set(0, true);
    expect(health.of("web")).not.toBeNull();
    vi.advanceTimersByTime(999);
    expect(changes).toEqual([[0]]);
    vi.advanceTimersByTime(1);
    expect(changes).toEqual([[0], null]);
    expect(log.lines).toMatchObject([
      { level: "warn", fields: { service: "web", code: "service.refused" } },
      { level: "info", text: "The service is offered again: a target is up." },
    ]);
  });

  it("reports nothing of a target that came and went within the wait", () => {
    const { changes, set } = setUp();
    set(0, false);
    set(0, true);
    vi.advanceTimersByTime(500);
    set(0, false);
    vi.advanceTimersByTime(60_000);
    expect(changes).toEqual([[0]]);
  });

  it("withdraws the ports of a service one by one", () => {
    const { health, set } = setUp();
    set(0, true);
    set(1, false);
    expect(health.of("web")?.down).toEqual([1]);
    set(0, false);
    vi.advanceTimersByTime(1000);
    expect(health.of("web")?.down).toEqual([0, 1]);
    set(1, true);
    vi.advanceTimersByTime(2000);
    expect(health.of("web")?.down).toEqual([0]);
  });

  it("forgets a service that is no longer offered, and does nothing after it is closed", () => {
    const { health, states, set, changes } = setUp();
    set(0, false);
    states.clear();
    health.review();
    expect(health.any).toBe(false);
    set(0, false);
    set(0, true);
    health.close();
    vi.advanceTimersByTime(60_000);
    health.review();
    expect(changes).toEqual([[0], [0]]);
  });
});
