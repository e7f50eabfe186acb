import { describe, expect, it } from "vitest";
import {
  decideRedeem,
  nextLinkName,
  type RedeemFacts,
  type TokenFacts,
  tokenState,
} from "../../../../../workers/registry/policy/tokens.ts";

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

describe("the redeem decision", () => {
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
      "reveals nothing about the token's state without its secret",
      { ...facts, token: revoked, secretMatches: false },
      refused("token.altered"),
    ],
    ["refuses a used-up token", { ...facts, token: usedUp }, refused("token.used_up")],
    ["refuses an expired token", { ...facts, token: expired }, refused("token.expired")],
    ["refuses a revoked token", { ...facts, token: revoked }, refused("token.revoked")],
    ["refuses a taken name", { ...facts, nameTaken: true }, refused("site.name_taken")],
    [
      "repeats its answer for the same key after every use is taken",
      { ...facts, token: usedUp, repeated: true, member: true },
      { kind: "repeat" },
    ],
    [
      "repeats its answer for the same key after the token expired",
      { ...facts, token: expired, repeated: true, member: true },
      { kind: "repeat" },
    ],
    [
      "does not repeat its answer after the token was revoked",
      { ...facts, token: revoked, repeated: true, member: true },
      refused("token.revoked"),
    ],
    [
      "does not repeat its answer to a revoked site",
      { ...facts, repeated: true, ownRevoked: true },
      refused("site.revoked"),
    ],
    [
      "does not admit the key of a revoked site again",
      { ...facts, ownRevoked: true },
      refused("site.revoked"),
    ],
    ["gives a member another link", { ...facts, member: true }, { kind: "link" }],
    [
      "gives a member its link even if the requested site name is taken",
      { ...facts, member: true, nameTaken: true },
      { kind: "link" },
    ],
    [
      "repeats its answer to a renamed site that the token was made for",
      { ...facts, repeated: true, member: true, boundName: "east" },
      { kind: "repeat" },
    ],
    ["lets the site that the token was made for join", { ...facts, boundName: "west" }, { kind: "join" }],
    [
      "refuses any site but the site that the token was made for",
      { ...facts, boundName: "east" },
      refused("token.wrong_site"),
    ],
    [
      "does not reveal the site that a token was made for without its secret",
      { ...facts, boundName: "east", secretMatches: false },
      refused("token.altered"),
    ],
    [
      "does not let a member join as a second site",
      { ...facts, boundName: "west", member: true },
      refused("token.wrong_site"),
    ],
    ["refuses a member's own token", { ...facts, member: true, toSelf: true }, refused("link.self")],
    [
      "refuses a second link to the same issuer",
      { ...facts, member: true, linked: true },
      refused("link.exists"),
    ],
    [
      "refuses more links than a hello can present",
      { ...facts, member: true, linksFull: true },
      refused("link.limit"),
    ],
    [
      "refuses a link name that another link of the member has",
      { ...facts, member: true, linkNameTaken: true },
      refused("link.name_taken"),
    ],
    [
      "reports a used-up token before an existing link",
      { ...facts, token: usedUp, member: true, linked: true },
      refused("token.used_up"),
    ],
  ] as const)("%s", (_title, given, decision) => {
    expect(decideRedeem(given, NOW)).toEqual(decision);
  });
});

describe("the name of a new link", () => {
  it("is the first free of link1, link2, …", () => {
    expect(nextLinkName(new Set())).toBe("link1");
    expect(nextLinkName(new Set(["link1", "link3"]))).toBe("link2");
  });
});
