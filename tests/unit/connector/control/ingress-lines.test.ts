import { describe, expect, it } from "vitest";
import { type IngressSources, ingressLines } from "../../../../connector/control/view.ts";

const hostname = "shop.example.com";
const stateOf = (changes: Partial<IngressSources>) => {
  const sources = {
    ...{ offers: [{ name: "web" }], refusedOffers: [], refused: [], isUp: true, hasDoor: true },
    ...changes,
  };
  const [line] = ingressLines([{ name: "web", hostname, access: "key" }], sources);
  expect(line).toMatchObject({ hostname, service: "web", access: "key" });
  return [line?.state, line?.granted, line?.code ?? line?.message ?? ""];
};
const refusal = (code: string) => ({ hostname, service: "web", code, message: "It is refused." });

describe("a service that a site publishes by a hostname", () => {
  it("is published when the network names no refusal", () => {
    expect(stateOf({})).toEqual(["published", true, ""]);
  });

  it("is refused for the reason that the network names, with what is known of the grant", () => {
    expect(stateOf({ refused: [refusal("ingress.not_granted")] })).toEqual([
      "refused",
      false,
      "ingress.not_granted",
    ]);
    expect(stateOf({ refused: [refusal("ingress.taken")] })).toEqual(["refused", true, "ingress.taken"]);
    const refusedOffers = [{ name: "web", code: "service.forbidden", message: "It is forbidden." }];
    expect(stateOf({ refusedOffers })).toEqual(["refused", null, "service.forbidden"]);
  });

  it("waits for the uplink, for the offer of its service, and for an edge with a door", () => {
    expect(stateOf({ isUp: false })).toEqual(["waiting", null, "The uplink is not up."]);
    expect(stateOf({ offers: [] })).toEqual(["waiting", null, 'This site offers no service "web".']);
    expect(stateOf({ hasDoor: false })).toEqual(["waiting", null, "The edge is too old for a public door."]);
  });
});
