import { describe, expect, it } from "vitest";
import { KINDS } from "../../../../../connector/kubernetes/api/kinds.ts";
import type { ClusterEvent } from "../../../../../connector/kubernetes/cluster/cluster.ts";
import { EventBudget } from "../../../../../connector/kubernetes/cluster/event-budget.ts";
import { eventObject } from "../../../../../connector/kubernetes/cluster/event-object.ts";

const EVENT: ClusterEvent = {
  about: { kind: KINDS.services, namespace: "shop", name: "web", uid: "u1" },
  type: "Warning",
  reason: "NameTaken",
  action: "CreateService",
  note: "The name is taken.",
};
const REPORTER = { siteId: "site_a", instance: "connector-0" };
const nameOf = (event: Partial<ClusterEvent>, reporter = REPORTER) =>
  eventObject({ ...EVENT, ...event }, reporter, "2026-11-26T20:00:00.000000Z").metadata.name;

describe("The Event of an object", () => {
  it("is in the object's namespace, and names who reports", () => {
    expect(eventObject(EVENT, REPORTER, "2026-11-26T20:00:00.000000Z")).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      metadata: { namespace: "shop", name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) },
      eventTime: "2026-11-26T20:00:00.000000Z",
      reportingController: "fairlead.dev/connector",
      reportingInstance: "connector-0",
      regarding: { apiVersion: "v1", kind: "Service", namespace: "shop", name: "web", uid: "u1" },
    });
  });

  it("has the same name at each connector of the site while it says the same, and another one else", () => {
    const { about } = EVENT;
    expect(nameOf({}, { ...REPORTER, instance: "connector-1" })).toBe(nameOf({}));
    expect(nameOf({ about: { ...about, resourceVersion: "7" } })).toBe(nameOf({}));
    const others = [
      nameOf({ note: "Another." }),
      nameOf({ reason: "Other" }),
      nameOf({ about: { ...about, uid: "u2" } }),
      nameOf({}, { ...REPORTER, siteId: "site_b" }),
    ];
    expect(new Set([nameOf({}), ...others]).size).toBe(5);
  });

  it("of an object in no namespace is in the namespace default", () => {
    const about = { kind: KINDS.namespaces, namespace: "", name: "shop" };
    expect(eventObject({ ...EVENT, about }, REPORTER, "").metadata.namespace).toBe("default");
  });

  it("has a note of 1,024 bytes at most, cut between characters", () => {
    const noteOf = (note: string) => String(eventObject({ ...EVENT, note }, REPORTER, "").note);
    expect(noteOf("a".repeat(1024))).toBe("a".repeat(1024));
    for (const character of ["a", "é", "€", "😀"]) {
      const note = noteOf(character.repeat(1025));
      expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
      expect(note).toMatch(/…$/);
      expect(note.isWellFormed()).toBe(true);
    }
  });
});

describe("The budget of Events", () => {
  it("has 25 at once for each object, and one more every five minutes", () => {
    let now = 0;
    const budget = new EventBudget(() => now);
    const taken = (object: string) =>
      Array.from({ length: 30 }, () => budget.take(object)).filter(Boolean).length;
    expect(taken("a")).toBe(25);
    expect(taken("b")).toBe(25);
    now += 299_999;
    expect(taken("a")).toBe(0);
    now += 1;
    expect(taken("a")).toBe(1);
    now += 25 * 300_000;
    expect(taken("a")).toBe(25);
  });

  it("forgets the objects that were quiet longest, in bounded memory", () => {
    const budget = new EventBudget(() => 0);
    for (let index = 0; index < 25; index++) budget.take("first");
    for (let index = 0; index < 4095; index++) budget.take(`other ${index}`);
    expect(budget.take("first")).toBe(false);
    for (let index = 0; index < 4096; index++) budget.take(`another ${index}`);
    expect(budget.take("first")).toBe(true);
  });
});
