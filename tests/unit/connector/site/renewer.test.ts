import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Renewer } from "../../../../connector/site/renewer.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

const HOUR = 3600_000;
const renewal = { certificate: "c", authority: "a", links: [] };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function setUp(outcomes: (FairleadError | null)[]) {
  let validity = { notBefore: Date.now(), notAfter: Date.now() + 24 * HOUR };
  const adopted = vi.fn();
  const log = new MemoryLog();
  const renewer = new Renewer({
    validity: () => validity,
    request: async () => {
      const outcome = outcomes.shift();
      if (outcome) throw outcome;
      return renewal;
    },
    adopt: async () => {
      validity = { notBefore: Date.now(), notAfter: Date.now() + 24 * HOUR };
    },
    adopted,
    log,
    random: () => 0.5,
  });
  renewer.plan();
  return { renewer, adopted, log };
}

describe("Renewer", () => {
  it("renews each certificate after half of its life", async () => {
    const { adopted } = setUp([]);
    await vi.advanceTimersByTimeAsync(13 * HOUR);
    expect(adopted).toHaveBeenCalledTimes(0);
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(adopted).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(14 * HOUR);
    expect(adopted).toHaveBeenCalledTimes(2);
  });

  it("retries until a renewal succeeds", async () => {
    const { adopted, log } = setUp([new FairleadError("uplink.lost"), new FairleadError("edge.internal")]);
    await vi.advanceTimersByTimeAsync(14 * HOUR);
    expect(log.lines.map(({ level }) => level)).toEqual(["warn", "debug", "info"]);
    expect(adopted).toHaveBeenCalledTimes(1);
  });

  it("renews nothing once it is stopped", async () => {
    const { renewer, adopted } = setUp([]);
    renewer.stop();
    await vi.advanceTimersByTimeAsync(24 * HOUR);
    expect(adopted).not.toHaveBeenCalled();
  });
});
