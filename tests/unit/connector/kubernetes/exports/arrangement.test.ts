import { describe, expect, it } from "vitest";
import { KINDS } from "../../../../../connector/kubernetes/api/kinds.ts";
import { arrange } from "../../../../../connector/kubernetes/exports/arrangement.ts";
import type { Claim } from "../../../../../connector/kubernetes/exports/claim.ts";

const claim = (
  object: string,
  name: string,
  createdAt = "2026-11-26T10:00:00Z",
  pods: string[] = [],
): Claim => ({
  about: { kind: KINDS.services, namespace: "shop", name: object },
  createdAt,
  outcome: {
    service: { name, ports: [], source: object },
    pods: pods.map((pod) => ({ name: pod, ports: [], source: object, headless: { of: name, host: pod } })),
    warnings: [],
  },
});

const names = (claims: readonly Claim[]) => arrange(claims).services.map((service) => service.name);

describe("The arrangement of exposed objects", () => {
  it("gives a name to the oldest object, and tells the other one who has it", () => {
    const young = claim("young", "db", "2026-11-26T10:00:01Z");
    const old = claim("old", "db");
    const { owners, refused } = arrange([young, old]);
    expect(owners.get("db")).toBe(old);
    expect([...refused]).toEqual([
      [young, { reason: "AddressInUse", note: expect.stringContaining("Service shop/old, which is older") }],
    ]);
  });

  it("decides by namespace and name among objects of one second, in whatever order they come", () => {
    const [first, second] = [claim("a", "db"), claim("b", "db")];
    expect(arrange([second, first]).owners.get("db")).toBe(first);
    expect(arrange([first, second]).owners.get("db")).toBe(first);
  });

  it("exposes no pods of a service that lost its name", () => {
    const loser = claim("young", "db", "2026-11-26T11:00:00Z", ["db-0"]);
    expect(names([claim("old", "db"), loser])).toEqual(["db"]);
  });

  it("exposes the others where one pod's name is taken", () => {
    const headless = claim("db", "db", "2026-11-26T11:00:00Z", ["db-0", "db-1"]);
    expect(names([claim("db-0", "db-0"), headless])).toEqual(["db-0", "db", "db-1"]);
  });
});
