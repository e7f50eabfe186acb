import { describe, expect, it } from "vitest";
import { canMove, isSlow, waitAfter } from "../../../../connector/uplink/state.ts";

describe("the state of the uplink", () => {
  it("permits only the transitions of the table", () => {
    expect(canMove("idle", "connecting")).toBe(true);
    expect(canMove("connecting", "up")).toBe(true);
    expect(canMove("up", "waiting")).toBe(true);
    expect(canMove("waiting", "up")).toBe(false);
    expect(canMove("closed", "connecting")).toBe(false);
  });
});

describe("waitAfter", () => {
  it("takes the wait of the backoff after a transient failure", () => {
    for (const code of ["uplink.lost", "edge.unreachable", "proxy.failed", "certificate.expired"] as const) {
      expect(
        waitAfter(
          code,
          () => 7,
          () => 0.5,
        ),
      ).toBe(7);
    }
  });

  it("waits 30 to 60 s after a failure that needs a repair", () => {
    for (const code of [
      "site.revoked",
      "certificate.revoked",
      "certificate.too_old",
      "uplink.version",
    ] as const) {
      expect(isSlow(code)).toBe(true);
      expect(
        waitAfter(
          code,
          () => 7,
          () => 0,
        ),
      ).toBe(30_000);
      expect(
        waitAfter(
          code,
          () => 7,
          () => 0.9999,
        ),
      ).toBeLessThan(60_000);
    }
  });
});
