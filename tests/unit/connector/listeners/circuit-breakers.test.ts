import { describe, expect, it } from "vitest";
import { BACK_OFF, CircuitBreakers, verdictOf } from "../../../../connector/listeners/circuit-breakers.ts";

const east = { site: "s1", boot: "b1" };
const other = { site: "s2", boot: "b2" };

function setUp() {
  const clock = { now: 0 };
  const breakers = new CircuitBreakers({ now: () => clock.now, random: () => 0.999_999 });
  const fail = (code: "service.refused" | "session.timeout" = "service.refused") =>
    breakers.attempt("api", east).failed(code);
  return { clock, breakers, fail };
}

describe("CircuitBreakers", () => {
  it("opens a service's breaker for that service at that instance only", () => {
    const { breakers, fail } = setUp();
    fail("service.refused");
    expect(breakers.isOpen("api", east)).toBe(true);
    expect(breakers.isOpen("web", east)).toBe(false);
    expect(breakers.isOpen("api", other)).toBe(false);
  });

  it("opens an instance's breaker for all its services, and not for another site's process with the same boot id", () => {
    const { breakers, fail } = setUp();
    fail("session.timeout");
    expect(breakers.isOpen("api", east)).toBe(true);
    expect(breakers.isOpen("web", east)).toBe(true);
    expect(breakers.isOpen("api", { ...east, site: "s9" })).toBe(false);
  });

  it("lets one trial client through after the back-off, and no second one during the trial", () => {
    const { clock, breakers, fail } = setUp();
    fail();
    clock.now = BACK_OFF.first;
    expect(breakers.isOpen("api", east)).toBe(false);
    const trial = breakers.attempt("api", east);
    expect(breakers.isOpen("api", east)).toBe(true);
    trial.abandoned();
    expect(breakers.isOpen("api", east)).toBe(false);
  });

  it("keeps a breaker open twice as long after each failed trial, up to five minutes", () => {
    const { clock, fail, breakers } = setUp();
    const waits: number[] = [];
    for (let trial = 0; trial < 9; trial++) {
      const begin = clock.now;
      fail();
      while (breakers.isOpen("api", east)) clock.now += 500;
      waits.push(clock.now - begin);
    }
    expect(waits.slice(0, 4)).toEqual([5000, 10_000, 20_000, 40_000]);
    expect(waits.at(-1)).toBe(BACK_OFF.longest);
  });

  it("does not keep a breaker open for longer when clients fail while it is open", () => {
    const { clock, breakers, fail } = setUp();
    for (let client = 0; client < 20; client++) fail();
    clock.now = BACK_OFF.first;
    expect(breakers.isOpen("api", east)).toBe(false);
  });

  it("closes a breaker with the first client that is served, and starts again from the first back-off", () => {
    const { clock, breakers, fail } = setUp();
    fail();
    clock.now = BACK_OFF.first;
    fail();
    breakers.attempt("api", east).succeeded();
    expect(breakers.isOpen("api", east)).toBe(false);
    fail();
    clock.now += BACK_OFF.first;
    expect(breakers.isOpen("api", east)).toBe(false);
  });

  it("closes an instance's breaker when the instance answers for another service, whatever the answer", () => {
    const { clock, breakers, fail } = setUp();
    fail("session.timeout");
    clock.now = BACK_OFF.first;
    breakers.attempt("web", east).failed("service.refused");
    expect(breakers.isOpen("api", east)).toBe(false);
    expect(breakers.isOpen("web", east)).toBe(true);
  });

  it("jitters the back-off between half of its time and all of it", () => {
    const clock = { now: 0 };
    const breakers = new CircuitBreakers({ now: () => clock.now, random: () => 0 });
    breakers.attempt("api", east).failed("service.refused");
    clock.now = BACK_OFF.first / 2 - 1;
    expect(breakers.isOpen("api", east)).toBe(true);
    clock.now = BACK_OFF.first / 2;
    expect(breakers.isOpen("api", east)).toBe(false);
  });
});

describe("verdictOf", () => {
  it("blames the service, the instance, or neither", () => {
    expect(verdictOf("service.timeout").about).toBe("service");
    expect(verdictOf("stream.internal").about).toBe("service");
    expect(verdictOf("service.draining").about).toBe("instance");
    expect(verdictOf("session.timeout").about).toBe("instance");
    expect(verdictOf("session.peer_offline").about).toBe("instance");
    expect(verdictOf("lane.unmet").about).toBe("instance");
    expect(verdictOf("stream.limit").about).toBeNull();
    expect(verdictOf("exchange.failed")).toEqual({ about: null, answered: true });
    expect(verdictOf("uplink.lost").about).toBeNull();
    expect(verdictOf("proxy.failed").about).toBeNull();
  });
});
