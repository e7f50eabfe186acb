import { describe, expect, it } from "vitest";
import { FailureLimit } from "../../../../workers/limits/failure-limit.ts";

const CLIENTS = { clients: 100 };

function limitOf() {
  return new FailureLimit({
    failures: { burst: 3, perSecond: 0.1, ...CLIENTS },
    attempts: { burst: 2, perSecond: 1, ...CLIENTS },
  });
}

/** Makes one attempt. @returns whether it was admitted */
function attempt(limit: FailureLimit, credential: string | null, good: boolean, now = 0, client = "nat") {
  if (limit.admit(client, credential, now) > 0) return false;
  if (good) limit.succeeded(credential, now);
  else limit.failed(client, credential, now);
  return true;
}

describe("FailureLimit", () => {
  it("admits a few failures of a client, then makes it wait", () => {
    const limit = limitOf();
    const answers = [1, 2, 3, 4].map((key) => limit.failed("nat", `wrong${key}`, 0) === 0);
    expect(answers).toEqual([true, true, true, false]);
    expect(limit.failed("elsewhere", "wrong", 0)).toBe(0);
  });

  it("admits a valid credential however often its neighbours fail", () => {
    const limit = limitOf();
    attempt(limit, "good", true);
    for (let tries = 0; tries < 100; tries++) attempt(limit, `wrong${tries}`, false);
    expect(attempt(limit, "wrong", false)).toBe(false);
    for (let tries = 0; tries < 100; tries++) expect(attempt(limit, "good", true)).toBe(true);
  });

  it("admits a few unknown credentials after the failures, so that a valid one becomes known", () => {
    const limit = limitOf();
    for (let tries = 0; tries < 4; tries++) limit.failed("nat", `wrong${tries}`, 0);
    expect(attempt(limit, "good", true)).toBe(true);
    expect(attempt(limit, "wrong", false)).toBe(true);
    expect(attempt(limit, "unknown", true)).toBe(false);
    expect(attempt(limit, "good", true)).toBe(true);
    expect(attempt(limit, "unknown", true, 1_000)).toBe(true);
  });

  it("counts the failures of a valid credential separately for ten minutes", () => {
    const limit = limitOf();
    attempt(limit, "member", true);
    for (let tries = 0; tries < 100; tries++) attempt(limit, "member", false);
    expect(attempt(limit, "member", false)).toBe(false);
    expect(attempt(limit, "other", true)).toBe(true);
    const later = 10 * 60_000;
    for (let tries = 0; tries < 100; tries++) attempt(limit, null, false, later);
    expect(attempt(limit, "member", true, later)).toBe(false);
  });

  it("remembers a bounded number of valid credentials", () => {
    const limit = limitOf();
    for (let each = 0; each <= 10_000; each++) limit.succeeded(`good${each}`, 0);
    for (let tries = 0; tries < 10; tries++) attempt(limit, null, false);
    expect(attempt(limit, "good0", true)).toBe(false);
    expect(attempt(limit, "good10000", true)).toBe(true);
  });
});
