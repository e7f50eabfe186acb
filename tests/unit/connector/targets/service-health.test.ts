import { describe, expect, it, onTestFinished } from "vitest";
import { parseHealth } from "../../../../connector/config/health-options.ts";
import { parseExpose } from "../../../../connector/config/service-options.ts";
import { ServiceHealth } from "../../../../connector/targets/service-health.ts";
import { TargetPool } from "../../../../connector/targets/target-pool.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

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
});
