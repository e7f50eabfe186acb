import { describe, expect, it } from "vitest";
import type { ServiceObject } from "../../../../../connector/kubernetes/cluster/cluster.ts";
import {
  IMPORT_LABEL,
  ownLabels,
  SERVICE_ANNOTATION,
} from "../../../../../connector/kubernetes/cluster/names.ts";
import {
  type DesiredService,
  desiredServices,
  type NetworkFacts,
} from "../../../../../connector/kubernetes/imports/desired-services.ts";
import { serviceObject, sliceObject } from "../../../../../connector/kubernetes/imports/service-object.ts";
import {
  planService,
  planSlices,
  type ServiceAction,
} from "../../../../../connector/kubernetes/imports/service-plan.ts";
import { metaOf, offerOf, ownMeta, SITE, serviceOf, sliceOf, visible } from "./objects.ts";

const selector = { "app.kubernetes.io/name": "fairlead" };
const ownership = { siteId: SITE, selector };
const book = new Map([
  ["api.80.tcp", 20_001],
  ["db.5432.tcp", 20_002],
  ["db-0.5432.tcp", 20_003],
  ["db-1.5432.tcp", 20_004],
]);

const desire = (more: Partial<NetworkFacts>) =>
  desiredServices({
    ...{ services: [visible("api")], offered: new Set<string>(), book, namespaces: ["fairlead", "shop"] },
    selectable: "fairlead",
    ...more,
  });

const api = (namespace: string, more: Partial<NetworkFacts> = {}): DesiredService => {
  const desired = desire(more).get(`${namespace}/api`);
  if (desired === undefined) throw new Error("There is no such service.");
  return desired;
};

const PORT = { name: "http-80", protocol: "TCP", appProtocol: "http", port: 80, targetPort: 20_001 } as const;
const made = (more: Partial<ServiceObject> = {}) =>
  serviceOf(ownMeta("fairlead", "api"), { selector, ports: [{ ...PORT, nodePort: undefined }], ...more });

describe("The Services that are desired", () => {
  it("have a selector in the connectors' namespace, and addresses in others", () => {
    const desired = desire({});
    expect([...desired.values()].map(({ namespace, form }) => [namespace, form])).toEqual([
      ["fairlead", "selector"],
      ["shop", "addresses"],
    ]);
    expect(desired.get("shop/api")?.ports).toEqual([PORT]);
  });

  it("have addresses everywhere if the connectors are in no pods", () => {
    expect(api("fairlead", { selectable: null }).form).toBe("addresses");
  });

  it("name each port by its protocol", () => {
    const ports = [
      { port: 80, protocol: "http2" as const },
      { port: 53, protocol: "udp" as const },
    ];
    const more = new Map([
      ["api.80.tcp", 20_001],
      ["api.53.udp", 20_005],
    ]);
    const { ports: named } = api("shop", { services: [visible("api", 80, { ports })], book: more });
    expect(named?.map(({ name, protocol, appProtocol }) => [name, protocol, appProtocol])).toEqual([
      ["http2-80", "TCP", "kubernetes.io/h2c"],
      ["udp-53", "UDP", undefined],
    ]);
  });

  it("leave out services that were exported by a ServiceExport", () => {
    const details = {
      ...{ namespace: "shop", name: "api", type: "ClusterSetIP" as const, ports: [] },
      createdAt: "2026-11-26T12:00:00Z",
    };
    expect(desire({ services: [visible("api", 80, { offers: [offerOf({ export: details })] })] }).size).toBe(
      0,
    );
  });

  it("have no ports while one has no listener port", () => {
    expect(api("shop", { book: new Map() }).ports).toBeNull();
  });

  it("are headless for a service whose pods have services, with the service's own ports", () => {
    const pod = (host: string) =>
      visible(host, 5432, { offers: [offerOf({ headless: { of: "db", host } })] });
    const desired = desire({ services: [visible("db", 5432), pod("db-0"), pod("db-1")] });
    const db = desired.get("shop/db");
    expect([db?.form, db?.ports?.[0]?.targetPort]).toEqual(["headless", 5432]);
    expect(db?.members).toEqual([
      { service: "db-0", host: "db-0" },
      { service: "db-1", host: "db-1" },
    ]);
    expect(desired.get("shop/db-0")).toMatchObject({ form: "addresses", group: "db" });
  });

  it("are headless for a headless service without a ready pod", () => {
    const headless = { of: "db", host: "db" };
    const db = desire({ services: [visible("db", 5432, { offers: [offerOf({ headless })] })] }).get(
      "shop/db",
    );
    expect([db?.form, db?.members, db?.group]).toEqual(["headless", [], null]);
  });
});

describe("The plan for a Service", () => {
  const stranger = serviceOf(metaOf("fairlead", "api"));
  const otherSite = serviceOf(metaOf("fairlead", "api", { labels: ownLabels("site_other") }));
  const ofImport = metaOf("fairlead", "fairlead-1", {
    labels: { ...ownLabels(SITE), [IMPORT_LABEL]: "api" },
    annotations: { [SERVICE_ANNOTATION]: "api--fairlead" },
  });
  const ending = serviceOf({ ...ownMeta("fairlead", "api"), deletionTimestamp: "2026-11-26T12:00:00Z" });
  const table: [
    what: string,
    desired: boolean,
    existing: ServiceObject | undefined,
    kind: ServiceAction["kind"],
  ][] = [
    ["makes one that is missing", true, undefined, "create"],
    ["leaves one as it is desired", true, made(), "none"],
    ["does not touch one of somebody else", true, stranger, "taken"],
    ["does not touch one of another site", true, otherSite, "taken"],
    ["leaves one of somebody else when the service is gone", false, stranger, "none"],
    ["deletes one whose service is gone", false, made(), "delete"],
    [
      "leaves an own Service that is for no service of the network",
      false,
      serviceOf(metaOf("fairlead", "x", { labels: ownLabels(SITE) })),
      "none",
    ],
    ["leaves one that was made for a ServiceImport", false, made({ meta: ofImport }), "none"],
    ["waits for one that is being deleted", true, ending, "none"],
    ["restores a selector", true, made({ selector: { app: "mine" } }), "update"],
    ["restores a type", true, made({ type: "ExternalName", clusterIP: "" }), "update"],
    [
      "restores a port",
      true,
      made({ ports: [{ ...PORT, targetPort: 8080, nodePort: undefined }] }),
      "update",
    ],
    [
      "restores a port's name",
      true,
      made({ ports: [{ ...PORT, name: "web", nodePort: undefined }] }),
      "update",
    ],
    ["restores the name of the service", true, made({ meta: ownMeta("fairlead", "api", "other") }), "update"],
    [
      "takes a port away that was added",
      true,
      made({
        ports: [
          { ...PORT, nodePort: undefined },
          { ...PORT, name: "x", port: 81, nodePort: undefined },
        ],
      }),
      "update",
    ],
    ["makes a headless one anew", true, made({ clusterIP: "None" }), "delete"],
  ];
  it.each(table)("%s", (_, isDesired, existing, kind) => {
    const desired = isDesired ? api("fairlead") : undefined;
    expect(planService(desired, existing, { ...ownership, isGone: true }).kind).toBe(kind);
  });

  it("deletes nothing that is only not known", () => {
    expect(planService(undefined, made(), { ...ownership, isGone: false }).kind).toBe("none");
  });

  it("leaves a Service as it is while its port has no listener port", () => {
    const desired = api("fairlead", { book: new Map() });
    const facts = { ...ownership, isGone: true };
    expect(planService(desired, made({ selector: {} }), facts).kind).toBe("none");
    expect(planService(desired, undefined, facts).kind).toBe("none");
  });
});

describe("A Service that is written", () => {
  const action = planService(api("fairlead"), undefined, { ...ownership, isGone: true });
  if (action.kind !== "create") throw new Error("Nothing is made.");

  it("keeps the address, and labels, annotations and fields of others", () => {
    const before = {
      metadata: {
        name: "api",
        namespace: "fairlead",
        resourceVersion: "7",
        labels: { team: "a" },
        annotations: { note: "b" },
      },
      spec: {
        clusterIP: "10.96.0.7",
        sessionAffinity: "ClientIP",
        type: "ExternalName",
        externalName: "x",
        selector: { a: "b" },
      },
    };
    const object = serviceObject(action.desired, ownership, before);
    expect(object).toMatchObject({
      metadata: {
        resourceVersion: "7",
        labels: { team: "a", ...ownLabels(SITE) },
        annotations: { note: "b" },
      },
      spec: {
        clusterIP: "10.96.0.7",
        sessionAffinity: "ClientIP",
        type: "ClusterIP",
        selector,
        ports: [PORT],
      },
    });
    expect(object.spec).not.toHaveProperty("externalName");
  });
});

describe("The plan for EndpointSlices", () => {
  const service = serviceOf(ownMeta("shop", "api"), { ports: [{ ...PORT, nodePort: undefined }] });
  const desired = api("shop");
  const none = { IPv4: undefined, IPv6: undefined };
  const there = (addresses: string[], labels = true) =>
    sliceOf(
      metaOf("shop", "api-fairlead-ipv4", {
        labels: labels
          ? {
              ...ownLabels(SITE),
              "kubernetes.io/service-name": "api",
              "endpointslice.kubernetes.io/managed-by": "fairlead",
            }
          : {},
      }),
      "api",
      { name: "http-80", port: 20_001 },
      addresses,
    );
  const addresses = [{ address: "10.244.0.1" }, { address: "fd00::1" }];
  const plan = (more: Partial<Parameters<typeof planSlices>[0]>) =>
    planSlices({ desired, service, existing: none, addresses, siteId: SITE, ...more });

  it("makes one for each family", () => {
    const actions = plan({});
    expect(actions.map(({ kind }) => kind)).toEqual(["create", "create"]);
    const first = actions[0];
    if (first?.kind !== "create") throw new Error("Nothing is made.");
    expect(sliceObject(first.desired, ownership)).toMatchObject({
      metadata: {
        name: "api-fairlead-ipv4",
        labels: { "kubernetes.io/service-name": "api" },
        ownerReferences: [{ kind: "Service", name: "api", uid: "uid-api" }],
      },
      addressType: "IPv4",
      ports: [{ name: "http-80", port: 20_001, protocol: "TCP" }],
      endpoints: [{ addresses: ["10.244.0.1"], conditions: { ready: true } }],
    });
  });

  it("leaves one that says what it is to say, and changes one that does not", () => {
    const ipv4 = [{ address: "10.244.0.1" }];
    expect(plan({ addresses: ipv4, existing: { ...none, IPv4: there(["10.244.0.1"]) } })).toEqual([]);
    const actions = plan({ addresses: ipv4, existing: { ...none, IPv4: there(["10.244.0.9"]) } });
    expect(actions.map(({ kind }) => kind)).toEqual(["update"]);
  });

  it("empties one when no connector takes connections, and leaves it while that is unknown", () => {
    const existing = { ...none, IPv4: there(["10.244.0.1"]) };
    expect(plan({ addresses: [], existing }).map(({ kind }) => kind)).toEqual(["update"]);
    expect(plan({ addresses: null, existing })).toEqual([]);
  });

  it("does not touch one of somebody else", () => {
    const existing = { ...none, IPv4: there(["1.2.3.4"], false) };
    expect(plan({ addresses: [{ address: "10.244.0.1" }], existing }).map(({ kind }) => kind)).toEqual([
      "taken",
    ]);
  });

  it("takes the slices away from a Service that is gone, of somebody else or found by a selector", () => {
    const existing = { ...none, IPv4: there(["10.244.0.1"]) };
    expect(plan({ service: undefined, existing }).map(({ kind }) => kind)).toEqual(["delete"]);
    expect(plan({ desired: api("fairlead"), existing }).map(({ kind }) => kind)).toEqual(["delete"]);
  });

  it("leaves the slices of a Service that the registry has not named yet", () => {
    expect(plan({ desired: undefined, existing: { ...none, IPv4: there(["10.244.0.1"]) } })).toEqual([]);
  });
});
