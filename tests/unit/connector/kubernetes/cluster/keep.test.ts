import { describe, expect, it } from "vitest";
import { KINDS } from "../../../../../connector/kubernetes/api/kinds.ts";
import {
  keepEndpointSlice,
  keepPod,
  keepService,
  keepWorkload,
  metaOf,
} from "../../../../../connector/kubernetes/cluster/keep.ts";
import { selectorText } from "../../../../../connector/kubernetes/cluster/label-selector.ts";

const metadata = {
  name: "web",
  namespace: "shop",
  uid: "u1",
  resourceVersion: "7",
  creationTimestamp: "2026-11-26T20:00:00Z",
  managedFields: [{ manager: "kubectl" }],
};

describe("What is kept", () => {
  it("of metadata leaves out managed fields and what kubectl stores of the whole object", () => {
    const annotations = {
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
      "fairlead.dev/expose": "true",
    };
    expect(metaOf({ metadata: { ...metadata, annotations } })).toEqual({
      ...{ name: "web", namespace: "shop", uid: "u1", resourceVersion: "7" },
      creationTimestamp: "2026-11-26T20:00:00Z",
      generation: undefined,
      deletionTimestamp: undefined,
      labels: {},
      annotations: { "fairlead.dev/expose": "true" },
    });
  });

  it("of a Service has the defaults of the API", () => {
    expect(keepService({ metadata, spec: { ports: [{ port: 80 }] } })).toMatchObject({
      ...{ type: "ClusterIP", clusterIP: "", sessionAffinity: "None", selector: undefined },
      ports: [{ port: 80, protocol: "TCP", name: undefined, targetPort: undefined }],
    });
    const spec = {
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      externalName: "db.example.com",
      type: "ExternalName",
    };
    expect(keepService({ metadata, spec })).toMatchObject({
      ...{ type: "ExternalName", externalName: "db.example.com", sessionAffinityTimeout: 60, ports: [] },
    });
  });

  it("of an EndpointSlice counts unknown conditions as ready, and serving as ready", () => {
    const { endpoints, service } = keepEndpointSlice({
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      endpoints: [
        { addresses: ["10.0.0.1"] },
        { addresses: ["10.0.0.2"], conditions: { ready: false }, targetRef: { kind: "Pod", name: "p" } },
        { addresses: ["10.0.0.3"], conditions: { ready: false, serving: true, terminating: true } },
      ],
    });
    expect(service).toBe("web");
    expect(endpoints).toMatchObject([
      { ready: true, serving: true, terminating: false, pod: undefined },
      { ready: false, serving: false, terminating: false, pod: "p" },
      { ready: false, serving: true, terminating: true },
    ]);
  });

  it("of a slice without endpoints and ports, which the API sends as null, is empty", () => {
    const slice = { metadata, addressType: "IPv4", endpoints: null, ports: null };
    expect(keepEndpointSlice(slice)).toMatchObject({ endpoints: [], ports: [], service: undefined });
  });

  it("of a workload has its selector as a text, and the ports of all containers", () => {
    const container = (ports: object[]) => ({ name: "c", ports });
    expect(
      keepWorkload(KINDS.deployments)({
        metadata,
        spec: {
          selector: { matchLabels: { app: "web" } },
          template: {
            spec: {
              containers: [container([{ containerPort: 80, name: "http" }]), container([]), { name: "d" }],
            },
          },
        },
      }),
    ).toMatchObject({
      kind: KINDS.deployments,
      selector: "app=web",
      containerPorts: [{ port: 80, protocol: "TCP", name: "http" }],
    });
  });

  it("of a pod says whether it is ready, which it is not while it is deleted", () => {
    const status = { podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }] };
    const pod = { metadata: { ...metadata, annotations: { long: "text" } }, spec: {}, status };
    expect(keepPod(pod)).toMatchObject({ ready: true, addresses: ["10.0.0.1"], meta: { annotations: {} } });
    const deletionTimestamp = "2026-11-26T20:00:30Z";
    expect(keepPod({ ...pod, metadata: { ...metadata, deletionTimestamp } }).ready).toBe(false);
    expect(keepPod({ metadata, spec: {} })).toMatchObject({ ready: false, addresses: [] });
    const podIPs = [{ ip: "10.0.0.1" }, { ip: "fd00::1" }];
    expect(keepPod({ ...pod, status: { ...status, podIPs } }).addresses).toEqual(["10.0.0.1", "fd00::1"]);
  });
});

describe("The text of a label selector", () => {
  it("has all requirements of the selector", () => {
    const matchExpressions = [
      { key: "tier", operator: "In", values: ["a", "b"] },
      { key: "zone", operator: "NotIn", values: ["c"] },
      { key: "live", operator: "Exists" },
      { key: "old", operator: "DoesNotExist" },
    ];
    expect(selectorText({ matchLabels: { app: "web", x: "y" }, matchExpressions })).toBe(
      "app=web,x=y,tier in (a,b),zone notin (c),live,!old",
    );
    expect(selectorText({})).toBe("");
  });
});
