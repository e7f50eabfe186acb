import { describe, expect, it, onTestFinished, vi } from "vitest";
import { parseHealth } from "../../../../connector/config/health-options.ts";
import { parseExpose } from "../../../../connector/config/service-options.ts";
import type { ManagedExposure, ManagedPort } from "../../../../connector/targets/managed-exposures.ts";
import { ServiceHealth, type ServiceHealthOptions } from "../../../../connector/targets/service-health.ts";
import { TargetPool } from "../../../../connector/targets/target-pool.ts";
import { costRatio } from "../../../support/clock/cost.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import { freePort } from "../../../support/free-port.ts";

describe("ServiceHealth", () => {
  it("checks a service as the command that exposed it says, and others as the configuration does", () => {
    const pool = new TargetPool();
    const health = new ServiceHealth({
      ...{ pool, log: new MemoryLog(), onWithdrawal: () => {} },
      offers: () => [{ ...parseExpose("api=80/http"), health: ["api=http:/up"] }, parseExpose("web=81")],
      health: [parseHealth("api=tcp"), parseHealth("web=tcp,interval=1s")],
    });
    onTestFinished(() => health.close());
    health.configure();
    const checks = [...pool.groups()].map(({ name, check }) => [name, check.check.kind, check.intervalMs]);
    expect(checks).toEqual([
      ["api", "http", 5000],
      ["web", "tcp", 1000],
    ]);
  });

  it("has a controller's targets as ready without a check, unless a check is configured", () => {
    const { pool, review } = managedHealth({
      offers: [managed("api", "10.0.0.1"), managed("web", "10.0.0.2")],
      health: [parseHealth("web=tcp")],
    });
    review();
    const dueAt = [...pool.groups()].flatMap(({ name, endpoints }) =>
      endpoints.map(({ isUp, health }) => [name, isUp, health?.nextCheckAt === null]),
    );
    expect(dueAt).toEqual([
      ["api", true, true],
      ["web", true, false],
    ]);
  });

  it("withdraws a controller's service without targets, and has it up with the first one", () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { health, configure } = managedHealth({ offers: [managed("api")] });
    health.start();
    expect(health.withdrawn("api")).toEqual({ down: [0], code: "service.unreachable" });
    configure([managed("api", "10.0.0.1")]);
    // A service that comes and goes is not announced more than about once a second.
    vi.advanceTimersByTime(2000);
    expect(health.withdrawn("api")).toBeNull();
    configure([managed("api")]);
    vi.advanceTimersByTime(2000);
    expect(health.withdrawn("api")).toEqual({ down: [0], code: "service.unreachable" });
  });

  it("says of a pod that it does not answer what to do in a cluster", async () => {
    const dead = await freePort();
    const offers = [{ ...managed("api"), ports: [portAt(dead)] }];
    const { health } = managedHealth({ offers });
    health.start();
    expect(await health.check("api")).toMatchObject({
      code: "service.refused",
      action: `Check that a server listens at 127.0.0.1:${dead}, and that the pod is ready only while it does.`,
    });
  });

  it("keeps the load and the health of targets that stay, whatever comes and goes beside them", () => {
    const { pool, configure } = managedHealth({ offers: [managed("api", "10.0.0.1", "10.0.0.2")] });
    const endpoints = () => [...pool.groups()].flatMap((group) => group.endpoints);
    const [gone, kept] = endpoints();
    if (kept !== undefined) kept.open = 7;
    configure([managed("api", "10.0.0.3", "10.0.0.2")]);
    expect(endpoints().map(({ host }) => host)).toEqual(["10.0.0.3", "10.0.0.2"]);
    expect(endpoints()[1]).toBe(kept);
    expect(endpoints()).not.toContain(gone);
  });

  it("costs as much as there are targets when a target of one service changes, and grows no faster", () => {
    const churn = (services: number) => {
      const hosts = Array.from({ length: 10 }, (_, at) => `10.0.0.${at}`);
      const offers = Array.from({ length: services }, (_, at) => managed(`s${at}`, ...hosts));
      const { configure } = managedHealth({ offers });
      return () => {
        for (let round = 0; round < 100; round++) {
          const at = round % services;
          configure(offers.with(at, managed(`s${at}`, ...hosts.with(0, `10.0.1.${round}`))));
        }
      };
    };
    const bound = 10;
    expect(costRatio(churn(1000), churn(250), { bound })).toBeLessThan(bound);
  });
});

/** A controller's service with these targets. */
const managed = (name: string, ...hosts: string[]): ManagedExposure => ({
  ...{ name, source: `Service shop/${name}` },
  ports: [{ servicePort: 80, protocol: "tcp", targets: hosts.map((host) => ({ host, port: 8080 })) }],
});

const portAt = (port: number): ManagedPort => ({
  ...{ servicePort: 80, protocol: "tcp" },
  targets: [{ host: "127.0.0.1", port }],
});

function managedHealth({
  offers,
  health: checks = [],
}: {
  readonly offers: readonly ManagedExposure[];
  readonly health?: ServiceHealthOptions["health"];
}) {
  let current = offers;
  const pool = new TargetPool({ onChange: () => health.review() });
  const health: ServiceHealth = new ServiceHealth({
    ...{ pool, log: new MemoryLog(), onWithdrawal: () => {}, health: checks },
    offers: () => current,
  });
  onTestFinished(() => health.close());
  const configure = (next: readonly ManagedExposure[]): void => {
    current = next;
    health.configure();
  };
  health.configure();
  return { pool, health, configure, review: () => health.review() };
}
