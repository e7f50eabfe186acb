import { describe, expect, it } from "vitest";
import { EJECTION, Ejections } from "../../../../connector/listeners/ejections.ts";

const east = { site: "s1", boot: "b1" };
const west = { site: "s2", boot: "b1" };

function setUp() {
  const clock = { now: 1 };
  const ejections = new Ejections(() => clock.now);
  const fail = (times: number = EJECTION.failures) => {
    for (let request = 0; request < times; request++) ejections.begin("api", east).failed();
  };
  const isEjected = () => ejections.isEjected("api", east);
  /** Returns how long the instance stays ejected, ms. */
  const wait = () => {
    const begin = clock.now;
    while (isEjected()) clock.now += 1000;
    return clock.now - begin;
  };
  return { clock, ejections, fail, isEjected, wait };
}

describe("Ejections", () => {
  it("eject an instance after five gateway failures in a row, for that service at that instance only", () => {
    const { ejections, fail, isEjected } = setUp();
    fail(4);
    expect(isEjected()).toBe(false);
    fail(1);
    expect(isEjected()).toBe(true);
    expect(ejections.isEjected("web", east)).toBe(false);
    expect(ejections.isEjected("api", west)).toBe(false);
  });

  it("count only failures without an answer between them, and nothing of a client that left", () => {
    const { ejections, fail, isEjected } = setUp();
    for (let round = 0; round < 5; round++) {
      fail(4);
      ejections.begin("api", east).answered();
    }
    fail(4);
    ejections.begin("api", east).abandoned();
    expect(isEjected()).toBe(false);
    fail(1);
    expect(isEjected()).toBe(true);
  });

  it("let one request through after 30 seconds, and no second one while it is in flight", () => {
    const { clock, ejections, fail, isEjected } = setUp();
    fail();
    clock.now += EJECTION.firstMs - 1;
    expect(isEjected()).toBe(true);
    clock.now += 1;
    expect(isEjected()).toBe(false);
    const trial = ejections.begin("api", east);
    expect(isEjected()).toBe(true);
    trial.abandoned();
    expect(isEjected()).toBe(false);
    ejections.begin("api", east).answered();
    expect(isEjected()).toBe(false);
    fail(4);
    expect(isEjected()).toBe(false);
  });

  it("last 30 seconds longer after each failed trial, up to five minutes", () => {
    const { ejections, fail, wait } = setUp();
    fail();
    const waits = [wait()];
    for (let trial = 0; trial < 11; trial++) {
      ejections.begin("api", east).failed();
      waits.push(wait());
    }
    expect(waits.slice(0, 3)).toEqual([30_000, 60_000, 90_000]);
    expect(waits.slice(-2)).toEqual([EJECTION.longestMs, EJECTION.longestMs]);
  });

  it("go on counting after a short time in use, and start again after a long one", () => {
    const { clock, ejections, fail, wait } = setUp();
    fail();
    wait();
    ejections.begin("api", east).answered();
    fail();
    expect(wait()).toBe(60_000);
    ejections.begin("api", east).answered();
    clock.now += EJECTION.forgivenMs;
    fail();
    expect(wait()).toBe(30_000);
  });

  it("neither grow nor end by requests that the instance gets while it is ejected", () => {
    const { clock, ejections, fail, isEjected } = setUp();
    const inFlight = ejections.begin("api", east);
    fail();
    fail(20);
    inFlight.failed();
    ejections.begin("api", east).answered();
    expect(isEjected()).toBe(true);
    clock.now += EJECTION.firstMs;
    expect(isEjected()).toBe(false);
  });
});
