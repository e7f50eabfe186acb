import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type FailedRequest,
  MAX_REFUSALS,
  mayRetry,
} from "../../../../../connector/http/retry/retry-decision.ts";
import { ERRORS, type ErrorCode } from "../../../../../protocol/errors.ts";

const GET: FailedRequest = {
  ...{ method: "GET", isTunnel: false, isKept: true, isComplete: true },
  ...{ hasResponse: false, isOver: false, repeats: 0, refusals: 0 },
};
const NONE: ReadonlySet<string> = new Set();
const CODES = Object.keys(ERRORS) as ErrorCode[];

describe("mayRetry", () => {
  it("repeats GET, HEAD and OPTIONS after a failure that leaves open whether a target has the request", () => {
    for (const method of ["GET", "HEAD", "OPTIONS"]) {
      for (const code of ["exchange.failed", "session.peer_gone", "session.timeout", "lane.unmet"] as const) {
        expect(mayRetry({ ...GET, method }, code, NONE)).toBe(true);
      }
    }
  });

  it("repeats other methods only where the service permits them", () => {
    for (const method of ["PUT", "DELETE", "POST", "PATCH", "TRACE", "get"]) {
      expect(mayRetry({ ...GET, method }, "exchange.failed", NONE)).toBe(false);
    }
    const permitted = new Set(["PUT"]);
    expect(mayRetry({ ...GET, method: "PUT" }, "exchange.failed", permitted)).toBe(true);
    expect(mayRetry({ ...GET, method: "DELETE" }, "exchange.failed", permitted)).toBe(false);
  });

  it("repeats nothing where the service permits nothing, except what a target has refused", () => {
    expect(mayRetry(GET, "exchange.failed", null)).toBe(false);
    expect(mayRetry(GET, "exchange.refused", null)).toBe(true);
  });

  it("repeats a request once, and a refused one of any method three times", () => {
    expect(mayRetry({ ...GET, repeats: 1 }, "exchange.failed", NONE)).toBe(false);
    const post = { ...GET, method: "POST", isComplete: false };
    expect(mayRetry({ ...post, refusals: MAX_REFUSALS - 1 }, "exchange.refused", NONE)).toBe(true);
    expect(mayRetry({ ...post, refusals: MAX_REFUSALS }, "exchange.refused", NONE)).toBe(false);
  });

  it("repeats nothing after a response has begun, or when the client is gone, or bytes are no longer kept", () => {
    for (const code of CODES) {
      for (const end of [{ hasResponse: true }, { isOver: true }, { isKept: false }]) {
        expect(mayRetry({ ...GET, ...end }, code, new Set(["GET"]))).toBe(false);
      }
    }
  });

  it("repeats neither a request without its end nor a tunnel", () => {
    expect(mayRetry({ ...GET, isComplete: false }, "exchange.failed", NONE)).toBe(false);
    expect(mayRetry({ ...GET, isTunnel: true }, "exchange.failed", NONE)).toBe(false);
    expect(mayRetry({ ...GET, method: "CONNECT", isTunnel: true }, "session.lost", NONE)).toBe(false);
  });

  it("repeats nothing that another target would answer in the same way", () => {
    for (const code of [
      "exchange.timeout",
      "exchange.bad_response",
      "stream.cancelled",
      "uplink.lost",
    ] as const) {
      expect(mayRetry(GET, code, NONE)).toBe(false);
    }
  });

  it("never lets a target execute a POST twice, whatever fails and in which order", () => {
    const failure = fc.record({ code: fc.constantFrom(...CODES), hasResponse: fc.boolean() });
    fc.assert(
      fc.property(fc.array(failure, { maxLength: 10 }), fc.boolean(), (failures, isComplete) => {
        let sent = 1;
        let processed = 0;
        let refusals = 0;
        for (const { code, hasResponse } of failures) {
          if (code !== "exchange.refused") processed++;
          const request = { ...GET, method: "POST", isComplete, hasResponse, refusals };
          if (!mayRetry(request, code, NONE)) break;
          sent++;
          refusals++;
        }
        expect(processed).toBeLessThanOrEqual(1);
        expect(sent).toBeLessThanOrEqual(1 + MAX_REFUSALS);
      }),
    );
  });
});
