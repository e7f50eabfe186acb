import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReceiveWindow, SendCredit } from "../../../../protocol/streams/credit.ts";
import { MAX_CREDIT } from "../../../../protocol/streams/frames.ts";

describe("credit", () => {
  it("is conserved: granted, held and consumed bytes always add up to the window", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 50_000 })), { maxLength: 200 }),
        (size, steps) => {
          const window = new ReceiveWindow(size);
          const credit = new SendCredit();
          credit.grant(size);
          let owed = 0;
          for (const [sends, amount] of steps) {
            if (sends) {
              const bytes = Math.min(amount, credit.available);
              credit.spend(bytes);
              window.receive(bytes);
            } else {
              const bytes = Math.min(amount, window.held);
              owed += bytes;
              if (window.consume(bytes)) {
                const grant = window.takeGrant();
                expect(grant).toBe(owed);
                owed = 0;
                credit.grant(grant);
              }
            }
            expect(credit.available + window.held + owed).toBe(size);
            // A reader that keeps up never leaves the sender without credit.
            if (window.held === 0) expect(credit.available).toBeGreaterThan(0);
          }
        },
      ),
    );
  });

  it("that is exceeded is session.credit", () => {
    const window = new ReceiveWindow(100);
    window.receive(100);
    expect(() => window.receive(1)).toThrow(expect.objectContaining({ code: "session.credit" }));
  });

  it("beyond what can be counted is session.credit", () => {
    const credit = new SendCredit();
    credit.grant(MAX_CREDIT);
    expect(() => credit.grant(1)).toThrow(expect.objectContaining({ code: "session.credit" }));
  });

  it("cannot be misused by the program itself", () => {
    expect(() => new SendCredit().spend(1)).toThrow(RangeError);
    expect(() => new ReceiveWindow(10).consume(1)).toThrow(RangeError);
  });
});
