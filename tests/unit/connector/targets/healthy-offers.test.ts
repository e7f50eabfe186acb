import { describe, expect, it } from "vitest";
import { healthyOffers } from "../../../../connector/targets/healthy-offers.ts";
import type { Offer } from "../../../../protocol/uplink/messages.ts";

const one: Offer = { name: "one", protocol: "tcp", port: 80 };
const two: Offer = { name: "two", protocol: "http", port: 8080, ports: [{ port: 8080 }, { port: 9090 }] };

function offered(down: Record<string, readonly number[]>, edgeKnowsDown = true) {
  return healthyOffers([one, two], {
    withdrawn: (service) => {
      const places = down[service];
      return places === undefined ? null : { down: places, code: "service.refused" };
    },
    portOf: (service) => (service === "one" ? 15_432 : undefined),
    edgeKnowsDown,
  });
}

describe("healthyOffers", () => {
  it("leaves offers as they are while nothing is down", () => {
    expect(offered({})).toEqual([one, two]);
  });

  it("names the ports that are down by their numbers in the network, and why", () => {
    expect(offered({ one: [0], two: [1] })).toEqual([
      { ...one, down: [15_432], why: "service.refused" },
      { ...two, down: [9090], why: "service.refused" },
    ]);
    expect(offered({ two: [0, 1] })[1]?.down).toEqual([8080, 9090]);
  });

  it("leaves out the offers whose first port is down for an edge that takes no notice", () => {
    expect(offered({ one: [0], two: [1] }, false)).toEqual([two]);
    expect(offered({ two: [0] }, false)).toEqual([one]);
  });
});
