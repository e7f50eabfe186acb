import { describe, expect, it } from "vitest";
import {
  decideAway,
  decideHello,
  decideResume,
  decideSession,
  SESSION_MEMORY_MS,
  SESSION_PENDING_MS,
} from "../../../../../workers/registry/policy/sessions.ts";

const NOW = 1_000_000;

describe("the session decision", () => {
  const existing = { id: "x", generation: 1, grantedAt: NOW };
  it("joins a request to a pending session", () => {
    expect(decideSession(existing, NOW + SESSION_PENDING_MS - 1)).toBe("join");
  });
  it("makes a new session if there is none, or the existing one is not pending any longer", () => {
    expect(decideSession(null, NOW)).toBe("new");
    expect(decideSession(existing, NOW + SESSION_PENDING_MS)).toBe("new");
  });
  it("makes a new session if the clock was set back since the last grant", () => {
    expect(decideSession(existing, NOW - 3600_000)).toBe("new");
  });
  it("makes a new session instead of joining a resumed one, which the requester has lost", () => {
    expect(decideSession({ ...existing, generation: 2 }, NOW)).toBe("new");
  });
});

describe("the resume decision", () => {
  const resumed = { id: "x", generation: 2, grantedAt: NOW };
  it("gives the next generation", () => {
    expect(decideResume(resumed, 2, NOW + SESSION_PENDING_MS)).toEqual({ kind: "next", generation: 3 });
  });
  it("gives the next generation at once if the present one failed", () => {
    expect(decideResume(resumed, 2, NOW)).toEqual({ kind: "next", generation: 3 });
  });
  it("gives both sides the same generation if they resume at once", () => {
    const first = decideResume({ ...resumed, generation: 1 }, 1, NOW);
    expect(first).toEqual({ kind: "next", generation: 2 });
    expect(decideResume(resumed, 1, NOW + SESSION_PENDING_MS - 1)).toEqual({ kind: "join", generation: 2 });
  });
  it("gives the next generation to a late request whose missed generation is not pending any longer", () => {
    expect(decideResume(resumed, 1, NOW + SESSION_PENDING_MS)).toEqual({ kind: "next", generation: 3 });
  });
  it("does not know an absent session, or a generation that was never granted", () => {
    expect(decideResume(null, 1, NOW)).toEqual({ kind: "unknown" });
    expect(decideResume(resumed, 3, NOW)).toEqual({ kind: "unknown" });
  });
  it("never gives a generation that the requester used, nor an older one", () => {
    for (let generation = 1; generation < 6; generation++) {
      for (let asked = 1; asked < 8; asked++) {
        for (const later of [0, SESSION_PENDING_MS]) {
          const decision = decideResume({ ...resumed, generation }, asked, NOW + later);
          if (decision.kind !== "unknown") expect(decision.generation).toBeGreaterThan(asked);
        }
      }
    }
  });
});

describe("the hello decision", () => {
  const fresh = { id: "x", generation: 1, grantedAt: NOW };
  it("keeps sessions that the process holds, and forgets the others", () => {
    expect(decideHello(fresh, true, NOW + SESSION_PENDING_MS)).toBe("keep");
    expect(decideHello(fresh, false, NOW + SESSION_PENDING_MS)).toBe("forget");
    expect(decideHello({ ...fresh, generation: 2 }, false, NOW)).toBe("forget");
  });
  it("offers a pending session again, whose offer the process may have missed", () => {
    expect(decideHello(fresh, false, NOW + SESSION_PENDING_MS - 1)).toBe("offer");
  });
});

describe("a session whose instances are absent", () => {
  it("ends after both instances were absent for the retention time, and not before", () => {
    expect(decideAway(null, false, NOW)).toEqual({ ended: false, awaySince: NOW });
    const still = decideAway(NOW, false, NOW + SESSION_MEMORY_MS - 1);
    expect(still).toEqual({ ended: false, awaySince: NOW });
    expect(decideAway(NOW, false, NOW + SESSION_MEMORY_MS).ended).toBe(true);
  });
  it("gets no additional time if the clock is set back", () => {
    const back = NOW - 3600_000;
    expect(decideAway(NOW, false, back)).toEqual({ ended: false, awaySince: back });
  });
  it("gets the whole retention time again after one instance was present", () => {
    expect(decideAway(NOW, true, NOW + 2 * SESSION_MEMORY_MS)).toEqual({ ended: false, awaySince: null });
  });
});
