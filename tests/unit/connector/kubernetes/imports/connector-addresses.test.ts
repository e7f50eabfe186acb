import { describe, expect, it } from "vitest";
import {
  type ConnectorFacts,
  connectorPlaces,
} from "../../../../../connector/kubernetes/imports/connector-addresses.ts";
import { podOf } from "./objects.ts";

const self = { name: "one", address: "10.244.0.1", inCluster: true };
const deletionTimestamp = "2026-11-26T12:00:00Z";

function places(facts: Partial<ConnectorFacts>) {
  const found = connectorPlaces({ pods: null, self, wasPod: false, isLeaving: false, ...facts });
  return { ...found, addresses: found.addresses?.map(({ address }) => address) ?? null };
}

describe("The places of the connectors", () => {
  const pods = [podOf("two", "10.244.0.2"), podOf("one", "10.244.0.1"), podOf("three", "10.244.0.3", false)];

  it("are the pods that are ready, in order", () => {
    expect(places({ pods })).toEqual({ isPod: true, addresses: ["10.244.0.1", "10.244.0.2"] });
  });

  it("are without a pod that is being deleted, and without this one if it leaves", () => {
    const ending = podOf("four", "10.244.0.4", true, { deletionTimestamp });
    expect(places({ pods: [...pods, ending] }).addresses).toHaveLength(2);
    expect(places({ pods, isLeaving: true }).addresses).toEqual(["10.244.0.2"]);
  });

  it("are unknown until all pods are known", () => {
    expect(places({})).toEqual({ isPod: null, addresses: null });
  });

  it("have a process beside the pods that has a pod's variables and is none", () => {
    const others = [podOf("two", "10.244.0.2")];
    expect(places({ pods: others })).toEqual({ isPod: false, addresses: ["10.244.0.1", "10.244.0.2"] });
    expect(places({ pods: others, wasPod: true })).toEqual({ isPod: true, addresses: ["10.244.0.2"] });
  });

  it("stay as they are for a connector in no pod that leaves, or has no address that others reach", () => {
    const outside = { ...self, inCluster: false };
    expect(places({ self: outside })).toEqual({ isPod: false, addresses: ["10.244.0.1"] });
    expect(places({ self: outside, isLeaving: true }).addresses).toBeNull();
    expect(places({ self: { ...outside, address: null } }).addresses).toBeNull();
    expect(places({ self: { ...outside, address: "127.1.8.1" } }).addresses).toBeNull();
  });
});
