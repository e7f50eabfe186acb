import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDuration, relativeTime } from "../../../../../connector/cli/framework/duration.ts";
import { parseDuration } from "../../../../../connector/config/duration.ts";
import { FairleadError } from "../../../../../protocol/errors.ts";

describe("parseDuration", () => {
  test.each([
    ["90s", 90],
    ["15m", 900],
    ["2h", 7200],
    ["1d", 86_400],
    ["1h30m", 5400],
    ["1d2h3m4s", 93_784],
  ])("reads %s as %i seconds", (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  test.each(["", "0s", "15", "m", "1.5h", "-5m", "30m1h", "1 h", "5M", "١s"])("refuses %j", (text) => {
    expect(() => parseDuration(text)).toThrow(FairleadError);
  });

  test("parses the text of formatDuration", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 59 }), fc.integer({ min: 0, max: 59 }), (minutes, seconds) => {
        const total = minutes * 60 + seconds;
        expect(parseDuration(formatDuration(total))).toBe(total);
      }),
    );
  });
});

describe("relativeTime", () => {
  const now = Date.parse("2026-11-20T10:00:00Z");

  test("distinguishes past and future, with at most two units", () => {
    expect(relativeTime("2026-11-20T09:56:40.000Z", now)).toBe("3m20s ago");
    expect(relativeTime("2026-11-20T10:14:00.000Z", now)).toBe("in 14m");
    expect(relativeTime("2026-11-18T08:00:01.000Z", now)).toBe("2d1h ago");
    expect(relativeTime("2026-11-20T10:00:00.200Z", now)).toBe("now");
  });
});
