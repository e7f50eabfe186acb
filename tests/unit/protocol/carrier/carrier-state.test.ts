import { describe, expect, it } from "vitest";
import { type CarrierState, canTransition } from "../../../../protocol/carrier/carrier-state.ts";

describe("CarrierState", () => {
  it("allows these transitions and no others", () => {
    const states: CarrierState[] = ["joining", "up", "resuming", "parking", "parked", "ended"];
    const transitions = states.flatMap((from) =>
      states.filter((to) => canTransition(from, to)).map((to) => `${from} ${to}`),
    );
    expect(transitions).toEqual([
      ...["joining up", "joining ended"],
      ...["up resuming", "up parking", "up parked", "up ended"],
      ...["resuming up", "resuming parked", "resuming ended"],
      ...["parking up", "parking resuming", "parking parked", "parking ended"],
      ...["parked up", "parked resuming", "parked ended"],
    ]);
  });
});
