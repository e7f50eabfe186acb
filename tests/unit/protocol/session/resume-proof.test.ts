import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type HmacSha256, proofText, ResumeProof } from "../../../../protocol/session/resume-proof.ts";

const hmac: HmacSha256 = (key, text) => createHmac("sha256", key).update(text).digest();
const ends = { sender: { site: "s1", boot: "b1" }, receiver: { site: "s2", boot: "b2" } };
const claim = { session: "x1", generation: 2, lane: 0, ...ends, received: 12 };

describe("ResumeProof", () => {
  const proof = new ResumeProof(new Uint8Array(32).fill(7), hmac);

  it("covers session, generation, lane, both instances and the received offset", () => {
    expect(proofText(claim)).toBe("x1|2|0|s1|b1|s2|b2|12");
  });

  it("verifies the proof of the same claim under the same key", () => {
    expect(proof.create(claim)).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(proof.verify(claim, proof.create(claim))).toBe(true);
  });

  it.each([
    ["session", { session: "x2" }],
    ["generation", { generation: 3 }],
    ["lane", { lane: 1 }],
    ["sender", { sender: { site: "s1", boot: "b3" } }],
    ["receiver", { receiver: { site: "s3", boot: "b2" } }],
    ["received offset", { received: 13 }],
  ])("refuses the proof of a claim with another %s", (_, change) => {
    expect(proof.verify(claim, proof.create({ ...claim, ...change }))).toBe(false);
  });

  it("refuses a proof under another key", () => {
    const other = new ResumeProof(new Uint8Array(32).fill(8), hmac);
    expect(proof.verify(claim, other.create(claim))).toBe(false);
  });

  it.each([undefined, "", "AAAA", "!".repeat(43), "A".repeat(43)])("refuses %j as a proof", (given) => {
    expect(proof.verify(claim, given)).toBe(false);
  });
});
