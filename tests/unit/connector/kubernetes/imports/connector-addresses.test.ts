import { describe, expect, it } from "vitest";
import { connectorAddresses } from "../../../../../connector/kubernetes/imports/connector-addresses.ts";
import { podOf } from "./objects.ts";

const self = { name: "one", address: "10.244.0.1", inCluster: true };
const deletionTimestamp = "2026-11-26T12:00:00Z";
const listed = (facts: Partial<Parameters<typeof connectorAddresses>[0]>) =>
  connectorAddresses({ pods: null, self, isLeaving: false, ...facts })?.map(({ address }) => address) ?? null;

describe("The addresses of the connectors", () => {
  const pods = [podOf("two", "10.244.0.2"), podOf("one", "10.244.0.1"), podOf("three", "10.244.0.3", false)];

  it("are those of the pods that are ready, in order", () => {
    expect(listed({ pods })).toEqual(["10.244.0.1", "10.244.0.2"]);
  });

  it("are without a pod that is being deleted, and without this one if it leaves", () => {
    expect(
      listed({ pods: [...pods, podOf("four", "10.244.0.4", true, { deletionTimestamp })] }),
    ).toHaveLength(2);
    expect(listed({ pods, isLeaving: true })).toEqual(["10.244.0.2"]);
  });

  it("are unknown until all pods are known", () => {
    expect(listed({})).toBeNull();
  });

  it("are its own alone for a connector that is in no pod", () => {
    const outside = { ...self, inCluster: false };
    expect(listed({ self: outside })).toEqual(["10.244.0.1"]);
    expect(listed({ self: outside, isLeaving: true })).toEqual([]);
    expect(listed({ self: { ...outside, address: null } })).toBeNull();
  });
});
