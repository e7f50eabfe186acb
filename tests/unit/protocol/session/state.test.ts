import { describe, expect, it, vi } from "vitest";
import { FairleadError } from "../../../../protocol/errors.ts";
import { isSuspiciousEnd, SessionPhases, sessionState } from "../../../../protocol/session/state.ts";

describe("SessionPhases", () => {
  it("reports each transition with the error that caused it", () => {
    const moved = vi.fn();
    const phases = new SessionPhases(moved);
    const error = new FairleadError("session.lost");
    phases.move("up");
    phases.move("closed", error);
    expect(phases.phase).toBe("closed");
    expect(moved.mock.calls).toEqual([
      ["opening", "up", undefined],
      ["up", "closed", error],
    ]);
  });

  it("refuses a transition that is not in the table, and keeps its phase", () => {
    const moved = vi.fn();
    const phases = new SessionPhases(moved);
    expect(() => phases.move("draining")).toThrow(RangeError);
    expect(phases.phase).toBe("opening");
    phases.move("closed");
    expect(() => phases.move("up")).toThrow(RangeError);
    expect(moved).toHaveBeenCalledTimes(1);
  });
});

describe("sessionState", () => {
  it("shows a carrier without lanes while the session is up", () => {
    expect(sessionState("up", "resuming")).toBe("resuming");
    expect(sessionState("up", "parked")).toBe("parked");
    expect(sessionState("up", "parking")).toBe("up");
    expect(sessionState("up", undefined)).toBe("up");
    expect(sessionState("draining", "resuming")).toBe("draining");
  });
});

describe("isSuspiciousEnd", () => {
  it("marks ends that may be an attack", () => {
    expect(isSuspiciousEnd("session.tampered")).toBe(true);
    expect(isSuspiciousEnd("session.closed")).toBe(false);
  });
});
