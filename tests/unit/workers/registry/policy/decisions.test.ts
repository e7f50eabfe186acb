import { describe, expect, it } from "vitest";
import {
  decideAway,
  decideHello,
  decideRedeem,
  decideResume,
  decideSession,
  nextLinkName,
  nextSweep,
  OFFER_GRACE_MS,
  type RedeemFacts,
  SESSION_MEMORY_MS,
  SESSION_PENDING_MS,
  SWEEP_MS,
  type TokenFacts,
  tokenState,
  uplinkAlive,
} from "../../../../../workers/registry/policy/decisions.ts";

const NOW = 1_000_000;
const good: TokenFacts = { uses: 2, used: 1, expiresAt: NOW + 1, revokedAt: null };
const usedUp: TokenFacts = { ...good, used: 2 };
const expired: TokenFacts = { ...good, expiresAt: NOW };
const revoked: TokenFacts = { ...good, revokedAt: NOW - 1 };

describe("a token's state", () => {
  it.each([
    ["good", good],
    ["used_up", usedUp],
    ["expired", expired],
    ["revoked", revoked],
    ["expired", { ...usedUp, expiresAt: NOW }],
    ["revoked", { ...usedUp, expiresAt: NOW, revokedAt: 1 }],
  ] as const)("is %s", (state, token) => {
    expect(tokenState(token, NOW)).toBe(state);
  });
});

describe("redeeming", () => {
  const facts: RedeemFacts = {
    token: good,
    secretMatches: true,
    repeated: false,
    member: false,
    ownRevoked: false,
    wantedName: "west",
    nameTaken: false,
    boundName: null,
    toSelf: false,
    linked: false,
    linksFull: false,
    linkNameTaken: false,
  };
  const refused = (code: string) => ({ kind: "refuse", code });

  it.each([
    ["admits a newcomer", facts, { kind: "admit" }],
    ["refuses an unknown token", { ...facts, token: null, secretMatches: false }, refused("token.unknown")],
    ["refuses an altered claim", { ...facts, secretMatches: false }, refused("token.altered")],
    [
      "tells nothing of the token's state to who does not know the secret",
      { ...facts, token: revoked, secretMatches: false },
      refused("token.altered"),
    ],
    ["refuses a used-up token", { ...facts, token: usedUp }, refused("token.used_up")],
    ["refuses an expired token", { ...facts, token: expired }, refused("token.expired")],
    ["refuses a revoked token", { ...facts, token: revoked }, refused("token.revoked")],
    ["refuses a taken name", { ...facts, nameTaken: true }, refused("site.name_taken")],
    [
      "repeats its answer for the same key though every use is taken",
      { ...facts, token: usedUp, repeated: true, member: true },
      { kind: "repeat" },
    ],
    [
      "repeats its answer for the same key though the time is over",
      { ...facts, token: expired, repeated: true, member: true },
      { kind: "repeat" },
    ],
    [
      "does not repeat its answer once the token is revoked",
      { ...facts, token: revoked, repeated: true, member: true },
      refused("token.revoked"),
    ],
    [
      "does not repeat its answer to a site that was revoked",
      { ...facts, repeated: true, ownRevoked: true },
      refused("site.revoked"),
    ],
    [
      "does not take back the key of a site that was revoked",
      { ...facts, ownRevoked: true },
      refused("site.revoked"),
    ],
    ["gives a member another link", { ...facts, member: true }, { kind: "link" }],
    [
      "gives a member its link whatever it calls itself, also by a name that is taken",
      { ...facts, member: true, nameTaken: true },
      { kind: "link" },
    ],
    [
      "repeats its answer to the site that a token was made for, whatever it is called by now",
      { ...facts, repeated: true, member: true, boundName: "east" },
      { kind: "repeat" },
    ],
    ["lets the site join that the token was made for", { ...facts, boundName: "west" }, { kind: "join" }],
    [
      "refuses another site than the one the token was made for",
      { ...facts, boundName: "east" },
      refused("token.wrong_site"),
    ],
    [
      "does not tell who does not know the secret which site a token was made for",
      { ...facts, boundName: "east", secretMatches: false },
      refused("token.altered"),
    ],
    [
      "does not let a member join as another site as well",
      { ...facts, boundName: "west", member: true },
      refused("token.wrong_site"),
    ],
    ["refuses a member's own token", { ...facts, member: true, toSelf: true }, refused("link.self")],
    ["refuses a second link to one issuer", { ...facts, member: true, linked: true }, refused("link.exists")],
    [
      "refuses more links than a hello presents",
      { ...facts, member: true, linksFull: true },
      refused("link.limit"),
    ],
    [
      "refuses a link's name that the member's other link has",
      { ...facts, member: true, linkNameTaken: true },
      refused("link.name_taken"),
    ],
    [
      "tells first that a token is used up",
      { ...facts, token: usedUp, member: true, linked: true },
      refused("token.used_up"),
    ],
  ] as const)("%s", (_title, given, decision) => {
    expect(decideRedeem(given, NOW)).toEqual(decision);
  });
});

describe("link names", () => {
  it("are the first free of link1, link2, …", () => {
    expect(nextLinkName(new Set())).toBe("link1");
    expect(nextLinkName(new Set(["link1", "link3"]))).toBe("link2");
  });
});

describe("sessions", () => {
  const existing = { id: "x", generation: 1, grantedAt: NOW };
  it("joins a request to one that is still coming together", () => {
    expect(decideSession(existing, NOW + SESSION_PENDING_MS - 1)).toBe("join");
  });
  it("makes a new one when there is none or the old one had its time", () => {
    expect(decideSession(null, NOW)).toBe("new");
    expect(decideSession(existing, NOW + SESSION_PENDING_MS)).toBe("new");
  });
  it("makes a new one when the clock was set back since the old one was granted", () => {
    expect(decideSession(existing, NOW - 3600_000)).toBe("new");
  });
});

describe("requests and resumptions", () => {
  const resumed = { id: "x", generation: 2, grantedAt: NOW };
  it("a request does not join a session that was resumed: who asks has lost it", () => {
    expect(decideSession(resumed, NOW)).toBe("new");
  });
  it("a resumption gets the next generation", () => {
    expect(decideResume(resumed, 2, NOW + SESSION_PENDING_MS)).toEqual({ kind: "next", generation: 3 });
  });
  it("gets the next one also at once, when the present one failed", () => {
    expect(decideResume(resumed, 2, NOW)).toEqual({ kind: "next", generation: 3 });
  });
  it("of both sides at once gives both the same generation", () => {
    const first = decideResume({ ...resumed, generation: 1 }, 1, NOW);
    expect(first).toEqual({ kind: "next", generation: 2 });
    expect(decideResume(resumed, 1, NOW + SESSION_PENDING_MS - 1)).toEqual({ kind: "join", generation: 2 });
  });
  it("that comes late, after a generation that it missed had its time, gets the next", () => {
    expect(decideResume(resumed, 1, NOW + SESSION_PENDING_MS)).toEqual({ kind: "next", generation: 3 });
  });
  it("of a session that is not there, or from a generation that never was, is unknown", () => {
    expect(decideResume(null, 1, NOW)).toEqual({ kind: "unknown" });
    expect(decideResume(resumed, 3, NOW)).toEqual({ kind: "unknown" });
  });
  it("never gives anybody a generation that it used, nor an older one", () => {
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

describe("a hello", () => {
  const fresh = { id: "x", generation: 1, grantedAt: NOW };
  it("keeps what the process holds and forgets what it does not", () => {
    expect(decideHello(fresh, true, NOW + SESSION_PENDING_MS)).toBe("keep");
    expect(decideHello(fresh, false, NOW + SESSION_PENDING_MS)).toBe("forget");
    expect(decideHello({ ...fresh, generation: 2 }, false, NOW)).toBe("forget");
  });
  it("offers again what the process may not have heard of", () => {
    expect(decideHello(fresh, false, NOW + SESSION_PENDING_MS - 1)).toBe("offer");
  });
});

describe("a session without anybody", () => {
  it("is over once both its instances were away for long enough, and not before", () => {
    expect(decideAway(null, false, NOW)).toEqual({ over: false, awaySince: NOW });
    const still = decideAway(NOW, false, NOW + SESSION_MEMORY_MS - 1);
    expect(still).toEqual({ over: false, awaySince: NOW });
    expect(decideAway(NOW, false, NOW + SESSION_MEMORY_MS).over).toBe(true);
  });
  it("has no more time when the clock was set back meanwhile", () => {
    const back = NOW - 3600_000;
    expect(decideAway(NOW, false, back)).toEqual({ over: false, awaySince: back });
  });
  it("has all its time again when one of them was there", () => {
    expect(decideAway(NOW, true, NOW + 2 * SESSION_MEMORY_MS)).toEqual({ over: false, awaySince: null });
  });
});

describe("uplinks", () => {
  it("count for 45 s after they were opened or heard of", () => {
    expect(uplinkAlive(NOW, NOW + 44_999)).toBe(true);
    expect(uplinkAlive(NOW, NOW + 45_000)).toBe(false);
  });
});

describe("the sweep", () => {
  it("lets an idle network sleep", () => {
    expect(nextSweep({ sessions: 0, lostAt: null }, NOW)).toBeNull();
  });
  it("comes every minute while the network is in use", () => {
    expect(nextSweep({ sessions: 1, lostAt: null }, NOW)).toBe(NOW + SWEEP_MS);
  });
  it("comes when the grace of a lost instance ends, and never in the past", () => {
    expect(nextSweep({ sessions: 0, lostAt: NOW - 10 }, NOW)).toBe(NOW - 10 + OFFER_GRACE_MS);
    expect(nextSweep({ sessions: 0, lostAt: NOW - 2 * OFFER_GRACE_MS }, NOW)).toBe(NOW + 1);
  });
});
