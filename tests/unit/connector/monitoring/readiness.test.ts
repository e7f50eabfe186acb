import { describe, expect, it } from "vitest";
import { type ReadinessFacts, readinessOf } from "../../../../connector/monitoring/readiness.ts";
import { ERRORS } from "../../../../protocol/errors.ts";

const listening = { service: "db", address: "127.0.0.1:5432", state: "listening" } as const;
const facts = (changes: Partial<ReadinessFacts>): ReadinessFacts => ({
  ...{ uplink: { state: "up" }, listeners: [listening], isDraining: false },
  ...changes,
});

describe("readinessOf", () => {
  it("is ready with an uplink and bound listeners, or no listeners", () => {
    expect(readinessOf(facts({}))).toEqual({ ready: true, missing: [] });
    expect(readinessOf(facts({ listeners: [] })).ready).toBe(true);
  });

  it("names the uplink with its last failure and what to do", () => {
    const uplink = { state: "waiting", code: "edge.unreachable", message: "No answer.", action: "Look." };
    expect(readinessOf(facts({ uplink }))).toEqual({
      ready: false,
      missing: [
        {
          what: "uplink",
          message: "The uplink is waiting: No answer.",
          code: "edge.unreachable",
          action: "Look.",
        },
      ],
    });
  });

  it("names each listener that is not bound, with what to do", () => {
    const failed = { ...listening, state: "failed", code: "listener.port_taken" } as const;
    expect(readinessOf(facts({ listeners: [listening, failed] })).missing).toEqual([
      {
        ...{ what: "listener", service: "db", address: "127.0.0.1:5432" },
        message: "The listener of db at 127.0.0.1:5432 is not bound.",
        code: "listener.port_taken",
        action: ERRORS["listener.port_taken"].action,
      },
    ]);
  });

  it("is not ready while the connector drains", () => {
    expect(readinessOf(facts({ isDraining: true }))).toEqual({
      ready: false,
      missing: [{ what: "connector", message: "The connector stops." }],
    });
  });

  it("names what a connector of a cluster lacks", () => {
    const down = { state: "waiting" };
    const lacks = (changes: Partial<ReadinessFacts>) =>
      readinessOf(facts(changes)).missing.map(({ what, message }) => `${what}: ${message}`);
    expect(lacks({ notReady: "catalogue", uplink: down })).toEqual(["uplink: The uplink is waiting."]);
    expect(lacks({ notReady: "catalogue" })).toEqual(["uplink: The edge has not named every service yet."]);
    expect(lacks({ notReady: "ports" })).toEqual([
      "cluster: The listener ports of the cluster are not known yet.",
    ]);
    expect(lacks({ notReady: "listeners" })).toEqual(["listener: A listener is not bound yet."]);
  });

  it("leaves a connector in its cluster ready without an uplink, and takes it out when it drains", () => {
    const inCluster = { notReady: null, uplink: { state: "waiting" } };
    expect(readinessOf(facts(inCluster)).ready).toBe(true);
    expect(readinessOf(facts({ ...inCluster, isDraining: true })).ready).toBe(false);
  });
});
