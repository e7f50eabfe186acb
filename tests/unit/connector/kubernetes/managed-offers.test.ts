import { describe, expect, it } from "vitest";
import { ManagedOffers } from "../../../../connector/kubernetes/managed-offers.ts";

const exposure = (name: string) => ({ name, source: `Service shop/${name}`, ports: [] });

describe("The managed offers of a cluster", () => {
  it("are the services of all controllers, in one order whichever came first", () => {
    const given: string[][] = [];
    const offers = new ManagedOffers({
      setManaged: (exposures) => given.push(exposures.map(({ name }) => name)),
    });
    offers.set("mcs", [exposure("db--shop")]);
    offers.set("exports", [exposure("web")]);
    offers.set("mcs", []);
    expect(given).toEqual([["db--shop"], ["web", "db--shop"], ["web"]]);
  });
});
