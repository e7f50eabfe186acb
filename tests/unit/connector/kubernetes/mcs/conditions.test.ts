import { describe, expect, it } from "vitest";
import {
  type Condition,
  newConditions,
  nextConditions,
  type StoredCondition,
} from "../../../../../connector/kubernetes/mcs/conditions.ts";

const ready: Condition = { type: "Ready", status: "True", reason: "Ready", message: "It is." };
const stored: StoredCondition = {
  ...ready,
  observedGeneration: 1,
  lastTransitionTime: "2026-01-01T00:00:00Z",
};
const options = { ours: ["Ready", "Conflict"], generation: 1, now: "2026-02-02T00:00:00Z" };

describe("The next conditions", () => {
  it("are null where nothing has changed", () => {
    expect(nextConditions([stored], [ready], options)).toBeNull();
  });

  it("keep the time of a transition while the status stays", () => {
    const next = nextConditions([stored], [{ ...ready, message: "It still is." }], options);
    expect(next).toEqual([{ ...stored, message: "It still is." }]);
  });

  it("have the time of now for another status", () => {
    const next = nextConditions([stored], [{ ...ready, status: "False" }], options);
    expect(next).toEqual([{ ...stored, status: "False", lastTransitionTime: options.now }]);
  });

  it("tell which generation they are about", () => {
    expect(nextConditions([stored], [ready], { ...options, generation: 2 })).toEqual([
      { ...stored, observedGeneration: 2 },
    ]);
  });

  it("leave the conditions of others, and remove their own that are not wanted", () => {
    const other = { ...stored, type: "example.com/Approved" };
    const conflict = { ...stored, type: "Conflict" };
    expect(nextConditions([other, stored, conflict], [ready], options)).toEqual([other, stored]);
  });
});

describe("New conditions", () => {
  it("are those that say something else", () => {
    const other: Condition = { type: "Conflict", status: "False", reason: "NoConflicts", message: "None." };
    expect(newConditions([stored], [ready, other])).toEqual([other]);
  });
});
