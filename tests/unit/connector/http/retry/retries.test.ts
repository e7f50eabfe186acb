import { describe, expect, it } from "vitest";
import { RetryPolicy } from "../../../../../connector/config/retry-policy.ts";
import { type RetriedRequest, Retries } from "../../../../../connector/http/retry/retries.ts";
import { FairleadError } from "../../../../../protocol/errors.ts";

const GET: RetriedRequest = {
  ...{ method: "GET", isTunnel: false, isKept: true, isComplete: true },
  ...{ hasResponse: false, isOver: false },
};
const POST: RetriedRequest = { ...GET, method: "POST" };
const failed = new FairleadError("exchange.failed");
const refused = new FairleadError("exchange.refused");

describe("Retries", () => {
  it("permit one repetition of a request, and count it", () => {
    const request = new Retries(new RetryPolicy(), () => 0).start("api", GET);
    expect([request.possible, request.take(failed)]).toEqual([true, true]);
    expect([request.possible, request.take(failed)]).toEqual([false, false]);
    expect(request.count).toBe(1);
  });

  it("permit repetitions of a refused request of any method", () => {
    const request = new Retries(new RetryPolicy(), () => 0).start("api", POST);
    expect(request.possible).toBe(false);
    expect([1, 2, 3, 4].map(() => request.take(refused))).toEqual([true, true, true, false]);
    expect(request.take(failed)).toBe(false);
    expect(request.count).toBe(3);
  });

  it("share one budget among the requests of a service, and none with other services", () => {
    const retries = new Retries(new RetryPolicy(), () => 0);
    const permitted = Array.from({ length: 200 }, () => retries.start("api", GET).take(failed));
    // A hundred, and a fifth of the requests.
    expect(permitted.filter(Boolean)).toHaveLength(140);
    expect(retries.start("web", GET).take(failed)).toBe(true);
  });

  it("follow a changed policy at once", () => {
    const policy = new RetryPolicy();
    const retries = new Retries(policy, () => 0);
    const put = retries.start("api", { ...GET, method: "PUT" });
    expect(put.possible).toBe(false);
    policy.set([{ name: "api", methods: ["PUT"] }]);
    expect(put.possible).toBe(true);
    policy.set([{ name: "api", methods: null }]);
    expect(put.possible).toBe(false);
    expect(retries.start("api", GET).possible).toBe(false);
  });
});
