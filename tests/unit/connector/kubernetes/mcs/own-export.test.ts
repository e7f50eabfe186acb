import { describe, expect, it } from "vitest";
import type {
  EndpointSliceObject,
  ServiceObject,
} from "../../../../../connector/kubernetes/cluster/cluster.ts";
import { keepEndpointSlice, keepService } from "../../../../../connector/kubernetes/cluster/keep.ts";
import { ownLabels } from "../../../../../connector/kubernetes/cluster/names.ts";
import { keepServiceExport } from "../../../../../connector/kubernetes/mcs/objects.ts";
import { evaluateExport } from "../../../../../connector/kubernetes/mcs/own-export.ts";

const SITE = { siteId: "s1", siteName: "east" };
const metadata = {
  namespace: "shop",
  uid: "1",
  resourceVersion: "1",
  creationTimestamp: "2026-11-26T10:00:00Z",
};

const serviceExport = (spec = {}) => keepServiceExport({ metadata: { ...metadata, name: "api" }, spec });

const service = (spec = {}, labels = {}): ServiceObject =>
  keepService({
    metadata: { ...metadata, name: "api", labels },
    spec: { clusterIP: "10.96.0.1", ports: [{ name: "http", port: 80, targetPort: 8080 }], ...spec },
  });

const slice = (endpoints: readonly object[], ports: readonly object[] = [{ name: "http", port: 8080 }]) =>
  keepEndpointSlice({
    metadata: { ...metadata, name: "api-1", labels: { "kubernetes.io/service-name": "api" } },
    ...{ addressType: "IPv4", endpoints, ports },
  });

const evaluate = (given?: ServiceObject, slices: EndpointSliceObject[] = [], spec = {}) =>
  evaluateExport(serviceExport(spec), given, slices, SITE);

describe("An export", () => {
  it("needs a Service", () => {
    expect(evaluate()).toMatchObject({ reason: "NoService" });
  });

  it.each([
    ["of the type ExternalName", service({ type: "ExternalName" }), "InvalidServiceType"],
    ["that the connector made", service({}, ownLabels("s1")), "InvalidServiceType"],
    [
      "with too many ports",
      service({ ports: Array.from({ length: 65 }, (_, at) => ({ name: `p${at}`, port: at + 1 })) }),
      "InvalidService",
    ],
  ])("refuses a Service %s", (_, given, reason) => {
    expect(evaluate(given)).toMatchObject({ reason });
  });

  it("refuses labels that no other cluster could read", () => {
    const outcome = evaluate(service(), [], { exportedLabels: { "no key": "x" } });
    expect(outcome).toMatchObject({ reason: "InvalidService", message: expect.stringContaining("labels") });
  });

  it("offers the ready pods, and is offered without any", () => {
    const ready = { addresses: ["10.244.1.7"], conditions: { ready: true } };
    const waiting = { addresses: ["10.244.1.8"], conditions: { ready: false } };
    const leaving = { addresses: ["10.244.1.9"], conditions: { ready: true, terminating: true } };
    expect(evaluate(service(), [slice([ready, waiting, leaving])])).toMatchObject({
      exposures: [
        {
          name: "api--shop",
          source: "ServiceExport shop/api",
          ports: [{ servicePort: 80, protocol: "tcp", targets: [{ host: "10.244.1.7", port: 8080 }] }],
        },
      ],
    });
    expect(evaluate(service())).toMatchObject({ exposures: [{ ports: [{ servicePort: 80, targets: [] }] }] });
  });

  it("offers UDP by a service of its own, and tells of SCTP", () => {
    const ports = [
      { name: "dns", port: 53, protocol: "UDP" },
      { name: "dns-tcp", port: 53, protocol: "TCP" },
      { name: "sctp", port: 5, protocol: "SCTP" },
    ];
    expect(evaluate(service({ ports }))).toMatchObject({
      exposures: [
        { name: "api--shop", ports: [{ servicePort: 53, protocol: "tcp" }] },
        { name: "api--shop--udp", ports: [{ servicePort: 53, protocol: "udp" }] },
      ],
      notCarried: [{ name: "sctp" }],
    });
  });

  it("is known to others even if nothing of it is carried", () => {
    const ports = [{ name: "sctp", port: 5, protocol: "SCTP" }];
    expect(evaluate(service({ ports }))).toMatchObject({
      exposures: [{ name: "api--shop", export: { ports: [{ port: 5, protocol: "SCTP" }] } }],
    });
  });

  it("tells labels and annotations that it names, and no others", () => {
    const exported = { exportedLabels: { tier: "1" }, exportedAnnotations: { note: "a" } };
    expect(evaluate(service({}, { secret: "x" }), [], exported)).toMatchObject({
      details: { labels: { tier: "1" }, annotations: { note: "a" }, createdAt: metadata.creationTimestamp },
    });
  });

  it("offers each ready pod of a headless Service by its host name, or its address", () => {
    const endpoints = [{ addresses: ["10.244.1.7"], hostname: "api-0" }, { addresses: ["10.244.1.8"] }];
    expect(evaluate(service({ clusterIP: "None" }), [slice(endpoints)])).toMatchObject({
      details: { type: "Headless" },
      exposures: [
        { name: "api--shop" },
        { name: "api-0--east--api--shop", headless: { of: "api--shop", host: "api-0" } },
        { name: "10-244-1-8--east--api--shop", headless: { host: "10-244-1-8" } },
      ],
    });
  });
});
