import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodePreface, MAX_PREFACE, readPreface } from "../../../../protocol/carrier/index.ts";
import type { FairleadError } from "../../../../protocol/errors.ts";

const session = `x${"0".repeat(26)}`;
const site = `s${"2".repeat(26)}`;
const boot = `b${"1".repeat(26)}`;
const expected = { session, generation: 7, site, boot };
const preface = { carrier: { min: 1, max: 1 }, ...expected };

function codeOf(text: string, ours?: { min: number; max: number }): string {
  try {
    return String(readPreface(text, expected, ours).version);
  } catch (error) {
    return (error as FairleadError).code;
  }
}

describe("readPreface", () => {
  it("selects the version for the invited peer", () => {
    expect(readPreface(encodePreface(preface), expected).version).toBe(1);
  });

  it("reads the preface of an older connector as lane 0 with nothing received", () => {
    expect(readPreface(encodePreface(preface), expected).preface).toMatchObject({
      lane: 0,
      received: 0,
      window: 16_777_216,
    });
  });

  it("reads lane, received offset, window and proof of a preface of version 2", () => {
    const two = {
      ...{ carrier: { min: 1, max: 2 }, ...expected, lane: 3, received: 2 ** 40, window: 262_144 },
      proof: "A".repeat(43),
    };
    const { version, preface: read } = readPreface(encodePreface(two), { ...expected, lane: 3 });
    expect(version).toBe(2);
    expect(read).toEqual(two);
    expect(codeOf(encodePreface(two))).toBe("session.wrong_peer");
  });

  it.each([
    ["a negative number of received bytes", { received: -1 }],
    ["more received bytes than can be numbered", { received: 2 ** 48 }],
    ["a window too small for a message", { window: 1000 }],
    ["a proof of another length", { proof: "AAAA" }],
  ])("refuses %s with session.malformed", (_, change) => {
    expect(codeOf(JSON.stringify({ ...preface, ...change }))).toBe("session.malformed");
  });

  it("ignores unknown fields", () => {
    expect(codeOf(JSON.stringify({ ...preface, tomorrow: 12 }))).toBe("1");
  });

  it.each([
    ["old connector → new connector", { min: 1, max: 1 }, { min: 1, max: 2 }, "1"],
    ["new connector → old connector", { min: 1, max: 2 }, { min: 1, max: 1 }, "1"],
    ["two new connectors", { min: 1, max: 2 }, { min: 1, max: 3 }, "2"],
    ["a connector that dropped the old version", { min: 2, max: 2 }, { min: 1, max: 1 }, "session.version"],
    ["a connector that is too old", { min: 1, max: 1 }, { min: 2, max: 3 }, "session.version"],
  ])("negotiates the version of %s", (_, theirs, ours, result) => {
    expect(codeOf(JSON.stringify({ ...preface, carrier: theirs }), ours)).toBe(result);
  });

  it("refuses another session, generation or instance with session.wrong_peer", () => {
    const other = (change: object) => codeOf(JSON.stringify({ ...preface, ...change }));
    expect(other({ session: `x${"9".repeat(26)}` })).toBe("session.wrong_peer");
    expect(other({ generation: 8 })).toBe("session.wrong_peer");
    expect(other({ boot: `b${"9".repeat(26)}` })).toBe("session.wrong_peer");
    expect(other({ site: `s${"9".repeat(26)}` })).toBe("session.wrong_peer");
  });

  it("throws the code of the edge's refusal", () => {
    const refusal = (code: string) =>
      codeOf(JSON.stringify({ type: "error", error: { code, message: "m" } }));
    expect(refusal("lane.unmet")).toBe("lane.unmet");
    expect(refusal("lane.of_the_future")).toBe("lane.failed");
  });

  it("refuses a preface that is too long, truncated or of another form", () => {
    const text = encodePreface(preface);
    expect(codeOf(text + " ".repeat(MAX_PREFACE))).toBe("session.too_large");
    for (let length = 0; length < text.length; length++) {
      expect(codeOf(text.slice(0, length))).toBe("session.malformed");
    }
    for (const wrong of ["null", "[]", '"x"', "{}", JSON.stringify({ ...preface, generation: 0 })]) {
      expect(codeOf(wrong)).toBe("session.malformed");
    }
  });

  it("throws nothing but errors with a code", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(codeOf(text)).toMatch(/^(1|session\.(malformed|wrong_peer|version)|lane\.failed)$/);
      }),
    );
  });
});

describe("encodePreface", () => {
  it("writes the bytes that the protocol fixes", () => {
    expect(encodePreface(preface)).toBe(
      `{"carrier":{"min":1,"max":1},"session":"${session}","generation":7,"site":"${site}","boot":"${boot}"}`,
    );
  });
});
