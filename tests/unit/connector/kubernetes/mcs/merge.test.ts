import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ClusterExport, merge, serves } from "../../../../../connector/kubernetes/mcs/merge.ts";
import type { ServiceExportDetails } from "../../../../../protocol/uplink/export-details.ts";

const HTTP = { name: "http", protocol: "TCP", port: 80 } as const;

function exported(cluster: string, details: Partial<ServiceExportDetails> = {}, second = 0): ClusterExport {
  const createdAt = `2026-11-26T10:00:${String(second).padStart(2, "0")}Z`;
  return {
    cluster,
    details: { namespace: "shop", name: "api", type: "ClusterSetIP", ports: [HTTP], createdAt, ...details },
  };
}

describe("The merge of exports", () => {
  it("is null without any", () => {
    expect(merge([])).toBeNull();
  });

  it("has no conflict where all are alike", () => {
    const merged = merge([exported("west"), exported("east", {}, 1)]);
    expect(merged).toMatchObject({ clusters: ["east", "west"], ports: [HTTP], conflict: null });
  });

  it("has the ports of all, without a conflict", () => {
    const udp = { name: "dns", protocol: "UDP", port: 80 } as const;
    const merged = merge([exported("east"), exported("west", { ports: [HTTP, udp] }, 1)]);
    expect(merged).toMatchObject({ ports: [HTTP, udp], conflict: null });
  });

  it.each([
    ["another number of the name", { name: "http", protocol: "TCP", port: 8080 }],
    ["another protocol of the name", { name: "http", protocol: "UDP", port: 80 }],
    ["another application protocol", { ...HTTP, appProtocol: "kubernetes.io/h2c" }],
    ["another name of the number", { name: "web", protocol: "TCP", port: 80 }],
  ] as const)("leaves out the younger port with %s", (_, port) => {
    const younger = exported("east", { ports: [port] }, 1);
    const merged = merge([younger, exported("west")]);
    expect(merged?.ports).toEqual([HTTP]);
    expect(merged?.conflict?.reason).toBe("PortConflict");
    expect(serves(younger.details, HTTP)).toBe(false);
  });

  it("says which ports are not used, and what to do", () => {
    const port = { name: "http", protocol: "TCP", port: 8080 } as const;
    expect(merge([exported("west"), exported("east", { ports: [port] }, 1)])?.conflict?.message).toBe(
      "The ports of an older export are used instead of port http, 8080/TCP of east. The oldest ServiceExport decides, which is that of west: make the Services alike, or give one another name.",
    );
  });

  it.each([
    ["TypeConflict", { type: "Headless" }],
    ["SessionAffinityConflict", { sessionAffinity: "ClientIP", sessionAffinityTimeout: 10 }],
    ["LabelsConflict", { labels: { a: "b" } }],
    ["AnnotationsConflict", { annotations: { a: "b" } }],
    ["InternalTrafficPolicyConflict", { internalTrafficPolicy: "Local" }],
    ["TrafficDistributionConflict", { trafficDistribution: "PreferClose" }],
  ] as const)("decides by the oldest and tells %s", (reason, other) => {
    const oldest = exported("west");
    const merged = merge([exported("east", other, 1), oldest]);
    expect(merged?.details).toEqual(oldest.details);
    expect(merged?.conflict?.reason).toBe(reason);
  });

  it("compares timeouts of an affinity where both have one", () => {
    const affinity = (sessionAffinityTimeout: number) =>
      ({ sessionAffinity: "ClientIP", sessionAffinityTimeout }) as const;
    const merged = merge([exported("east", affinity(10)), exported("west", affinity(20), 1)]);
    expect(merged?.conflict?.reason).toBe("SessionAffinityConfigConflict");
  });

  it("joins several reasons by commas", () => {
    const other = { type: "Headless", labels: { a: "b" } } as const;
    const merged = merge([exported("east"), exported("west", other, 1)]);
    expect(merged?.conflict?.reason).toBe("TypeConflict,LabelsConflict");
  });

  it("breaks a tie of times by the clusters' names", () => {
    const merged = merge([exported("west", { type: "Headless" }), exported("east")]);
    expect(merged?.details.type).toBe("ClusterSetIP");
  });

  const port = fc.record({
    name: fc.constantFrom("a", "b", undefined),
    protocol: fc.constantFrom("TCP" as const, "UDP" as const, "SCTP" as const),
    port: fc.integer({ min: 1, max: 3 }),
  });
  const details = fc.record({
    type: fc.constantFrom("ClusterSetIP" as const, "Headless" as const),
    ports: fc.array(port, { maxLength: 4 }),
    sessionAffinity: fc.constantFrom("None" as const, "ClientIP" as const),
    labels: fc.dictionary(fc.constantFrom("x", "y"), fc.constantFrom("1", "2")),
  });
  const exports = fc
    .uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1 })
    .chain((clusters) =>
      fc.tuple(
        ...clusters.map((cluster) =>
          fc
            .tuple(details, fc.integer({ min: 0, max: 2 }))
            .map(([each, second]) => exported(cluster, each, second)),
        ),
      ),
    );

  it("does not depend on the order of the exports", () => {
    fc.assert(
      fc.property(exports, fc.infiniteStream(fc.nat()), (all, order) => {
        const keys = new Map(all.map((each) => [each, order.next().value]));
        const shuffled = [...all].sort((left, right) => (keys.get(left) ?? 0) - (keys.get(right) ?? 0));
        expect(merge(shuffled)).toEqual(merge(all));
      }),
    );
  });

  it("never has a name twice, nor a number of one protocol", () => {
    fc.assert(
      fc.property(exports, (all) => {
        const ports = merge(all)?.ports ?? [];
        expect(new Set(ports.map(({ name }) => name ?? "")).size).toBe(ports.length);
        expect(new Set(ports.map((each) => `${each.protocol} ${each.port}`)).size).toBe(ports.length);
      }),
    );
  });
});
