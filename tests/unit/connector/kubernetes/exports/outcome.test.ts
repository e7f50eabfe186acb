import { describe, expect, it } from "vitest";
import type {
  EndpointSliceObject,
  PodObject,
  ServiceObject,
  ServicePortObject,
  WorkloadObject,
} from "../../../../../connector/kubernetes/cluster/cluster.ts";
import { outcomeOf } from "../../../../../connector/kubernetes/exports/outcome.ts";
import { serviceSource } from "../../../../../connector/kubernetes/exports/service-source.ts";
import { workloadSource } from "../../../../../connector/kubernetes/exports/workload-source.ts";
import { deployment, endpoint, meta, pod, service, servicePort, slice } from "./objects.ts";

type Annotations = Readonly<Record<string, string>>;

const ON = { "fairlead.dev/expose": "true" };

const ofService = (of: ServiceObject, slices: readonly EndpointSliceObject[], skupper = false) =>
  outcomeOf(of.meta, { skupper }, () => serviceSource(of, slices));

const ofWorkload = (of: WorkloadObject, pods: readonly PodObject[]) =>
  outcomeOf(of.meta, { skupper: false }, () => workloadSource(of, pods));

const READY = [slice("web", [endpoint("10.1.0.4"), endpoint("10.1.0.5")])];

/** The outcome of a Service `web` with the annotations; port 80 is 8080 in the pods. */
const annotated = (annotations: Annotations, ports?: readonly ServicePortObject[], skupper = false) =>
  ofService(service(meta("web", { annotations }), ports), READY, skupper);

const withPorts = (
  ports: readonly ServicePortObject[],
  annotations: Annotations,
): readonly (readonly [number | undefined, string])[] | string => {
  const { service: exposed, warnings } = annotated({ ...ON, ...annotations }, ports);
  return (
    exposed?.ports.map(({ servicePort: port, protocol, grpc }) => [port, grpc ? "grpc" : protocol]) ??
    warnings.map(({ note }) => note).join(" ")
  );
};

describe("An annotated Service", () => {
  it("is exposed with its name, all its ports and its ready endpoints", () => {
    expect(annotated(ON)).toEqual({
      service: {
        name: "web",
        source: "Service shop/web",
        ports: [
          {
            servicePort: 80,
            protocol: "tcp",
            targets: [
              { host: "10.1.0.4", port: 8080 },
              { host: "10.1.0.5", port: 8080 },
            ],
          },
        ],
      },
      pods: [],
      warnings: [],
    });
  });

  it.each<Annotations>([
    {},
    { "fairlead.dev/expose": "false" },
    { "fairlead.dev/service": "web" },
    { "skupper.io/proxy": "tcp" },
  ])("is not exposed with %o", (annotations) => {
    expect(annotated(annotations)).toEqual({ service: null, pods: [], warnings: [] });
  });

  it("takes name, sites, balance and health from annotations", () => {
    const { service: exposed } = annotated({
      ...ON,
      "fairlead.dev/address": "shop-web",
      "fairlead.dev/to": "east, west",
      "fairlead.dev/balance": "weighted:50",
      "fairlead.dev/health": "http:/healthz,interval=10s",
    });
    expect(exposed).toMatchObject({
      name: "shop-web",
      to: ["east", "west"],
      balance: { mode: "weighted", weight: 50 },
      health: ["shop-web=http:/healthz,interval=10s"],
    });
  });

  const two = [
    servicePort(80, { name: "web", targetPort: "http" }),
    servicePort(9090, { name: "admin", targetPort: 7070 }),
  ];

  it.each([
    ["9090", [[9090, "tcp"]]],
    ["admin", [[9090, "tcp"]]],
    ["7070", [[7070, "tcp"]]],
    ["443:web", [[443, "tcp"]]],
    [
      "443:80 , admin",
      [
        [443, "tcp"],
        [9090, "tcp"],
      ],
    ],
  ])("has the ports that %s names", (port, expected) => {
    expect(withPorts(two, { "fairlead.dev/port": port })).toEqual(expected);
  });

  it.each([
    [
      "http",
      [
        [80, "http"],
        [9090, "http"],
      ],
    ],
    [
      "80=http2,admin=grpc",
      [
        [80, "http2"],
        [9090, "grpc"],
      ],
    ],
    [
      "http,9090=tcp",
      [
        [80, "http"],
        [9090, "tcp"],
      ],
    ],
  ])("has the protocol %s", (protocol, expected) => {
    expect(withPorts(two, { "fairlead.dev/protocol": protocol })).toEqual(expected);
  });

  it.each([
    ["http", "http"],
    ["HTTP", "http"],
    ["https", "tcp"],
    ["kubernetes.io/h2c", "http2"],
    ["kubernetes.io/ws", "http"],
    ["kubernetes.io/wss", "tcp"],
    ["grpc", "grpc"],
    ["example.com/own", "tcp"],
    [undefined, "tcp"],
  ])("whose port has the appProtocol %s is %s", (appProtocol, protocol) => {
    expect(withPorts([servicePort(80, { name: "http", appProtocol })], {})).toEqual([[80, protocol]]);
  });

  it("exposes UDP ports as udp, also where all others have a protocol", () => {
    const ports = [servicePort(80, { name: "web" }), servicePort(53, { name: "dns", protocol: "UDP" })];
    expect(withPorts(ports, { "fairlead.dev/protocol": "http" })).toEqual([
      [80, "http"],
      [53, "udp"],
    ]);
  });

  it("exposes one protocol of a number, and says how to expose the other one", () => {
    const ports = [servicePort(53, { name: "dns" }), servicePort(53, { name: "dns-udp", protocol: "UDP" })];
    const { service: exposed, warnings } = annotated(ON, ports);
    expect(exposed?.ports).toMatchObject([{ servicePort: 53, protocol: "tcp" }]);
    expect(warnings).toMatchObject([
      { reason: "InvalidPort", note: expect.stringContaining("10053:dns-udp") },
    ]);
    expect(withPorts(ports, { "fairlead.dev/port": "53:dns,10053:dns-udp" })).toEqual([
      [53, "tcp"],
      [10053, "udp"],
    ]);
  });

  it("leaves out SCTP ports, and says so", () => {
    const ports = [servicePort(80, { name: "web" }), servicePort(7, { name: "sctp", protocol: "SCTP" })];
    const { service: exposed, warnings } = annotated(ON, ports);
    expect(exposed?.ports).toMatchObject([{ servicePort: 80 }]);
    expect(warnings).toMatchObject([
      { reason: "UnsupportedProtocol", note: expect.stringContaining("Port 7") },
    ]);
  });

  it.each<readonly [Annotations, string, RegExp]>([
    [{ "fairlead.dev/expose": "yes" }, "InvalidAnnotation", /expose has "yes".*"true" or "false"/],
    [{ "fairlead.dev/port": "80" }, "InvalidAnnotation", /no effect without fairlead.dev\/expose/],
    [
      { ...ON, "fairlead.dev/adress": "x" },
      "UnknownAnnotation",
      /adress has no effect.*fairlead.dev\/address/,
    ],
    [{ ...ON, "fairlead.dev/address": "Web.shop" }, "InvalidName", /fairlead.dev\/address has "Web.shop"/],
    [{ ...ON, "fairlead.dev/address": "a".repeat(64) }, "InvalidName", /1 to 63/],
    [{ ...ON, "fairlead.dev/port": "http:80:90" }, "InvalidAnnotation", /"http:80:90", which is no port/],
    [{ ...ON, "fairlead.dev/port": "80,," }, "InvalidAnnotation", /"", which is no port/],
    [{ ...ON, "fairlead.dev/port": "70000" }, "InvalidAnnotation", /"70000", which is no port/],
    [{ ...ON, "fairlead.dev/port": "81" }, "InvalidPort", /Service web has no port 81. It has 80/],
    [{ ...ON, "fairlead.dev/port": "metrics" }, "InvalidPort", /no port metrics/],
    [{ ...ON, "fairlead.dev/port": "80,80" }, "InvalidPort", /80 is named twice/],
    [
      { ...ON, "fairlead.dev/protocol": "quic" },
      "InvalidAnnotation",
      /"quic".*tcp, http, http2, grpc or udp/,
    ],
    [{ ...ON, "fairlead.dev/protocol": "http,tcp" }, "InvalidAnnotation", /two protocols for all/],
    [
      { ...ON, "fairlead.dev/protocol": "81=http" },
      "InvalidAnnotation",
      /about port "81", which is not exposed/,
    ],
    [{ ...ON, "fairlead.dev/protocol": "udp" }, "InvalidAnnotation", /Port 80 is a TCP port/],
    [{ ...ON, "fairlead.dev/to": "East!" }, "InvalidAnnotation", /fairlead.dev\/to: "East!" is neither/],
    [{ ...ON, "fairlead.dev/headless": "maybe" }, "InvalidAnnotation", /headless has "maybe"/],
    [{ ...ON, "fairlead.dev/balance": "random" }, "InvalidAnnotation", /fairlead.dev\/balance/],
    [{ ...ON, "fairlead.dev/health": "ping" }, "InvalidAnnotation", /fairlead.dev\/health/],
  ])("with %o gets one Warning, %s", (annotations, reason, note) => {
    expect(annotated(annotations).warnings).toEqual([{ reason, note: expect.stringMatching(note) }]);
  });

  it("with a value without end gets a Warning that still says what to do", () => {
    const { warnings } = annotated({ ...ON, "fairlead.dev/port": "x".repeat(10_000) });
    expect(warnings).toMatchObject([
      { note: expect.stringMatching(/^.{0,150}…", which is no port\. Give a number/) },
    ]);
  });

  it("names the port, not the annotation's mistake, where a UDP port has another protocol", () => {
    const ports = [servicePort(53, { protocol: "UDP" })];
    expect(withPorts(ports, { "fairlead.dev/protocol": "53=tcp" })).toMatch(/Port 53 is a UDP port/);
  });

  it.each([
    ["that is an ExternalName", { type: "ExternalName" }, {}, /ExternalName/],
    ["without ports", { ports: [] }, {}, /declares no ports/],
    ["with SCTP ports alone", { ports: [servicePort(7, { protocol: "SCTP" })] }, {}, /SCTP/],
    ["of a connector", {}, { "app.kubernetes.io/managed-by": "fairlead" }, /A connector made this Service/],
  ])("%s is refused", (_, more, labels, note) => {
    const of = service(meta("web", { annotations: ON, labels }), undefined, more);
    const { service: exposed, warnings } = ofService(of, READY);
    expect(exposed).toBeNull();
    expect(warnings).toMatchObject([{ note: expect.stringMatching(note) }]);
  });
});

describe("The targets of an annotated Service", () => {
  const of = service(meta("web", { annotations: ON }));
  const targets = (slices: readonly EndpointSliceObject[], from = of) =>
    ofService(from, slices).service?.ports.map((port) => port.targets.map(({ host }) => host));

  it("are the ready endpoints of all slices", () => {
    const slices = [
      slice("web", [endpoint("10.1.0.6")], { meta: meta("web-b") }),
      slice("web", [endpoint("10.1.0.4"), endpoint("10.1.0.5", { ready: false })], { meta: meta("web-a") }),
    ];
    expect(targets(slices)).toEqual([["10.1.0.4", "10.1.0.6"]]);
  });

  it("are none without ready endpoints, and the Service stays exposed", () => {
    expect(targets([])).toEqual([[]]);
    expect(targets([slice("web", [endpoint("10.1.0.4", { ready: false, serving: false })])])).toEqual([[]]);
  });

  it("are endpoints that terminate and still serve only where none is ready", () => {
    const last = endpoint("10.1.0.4", { ready: false, terminating: true });
    expect(targets([slice("web", [last])])).toEqual([["10.1.0.4"]]);
    expect(targets([slice("web", [last, endpoint("10.1.0.5")])])).toEqual([["10.1.0.5"]]);
  });

  it("have the family that the Service prefers, else the other one", () => {
    const four = slice("web", [endpoint("10.1.0.4")], { meta: meta("web-4") });
    const six = slice("web", [endpoint("fd00::4")], { meta: meta("web-6"), addressType: "IPv6" });
    expect(targets([four, six])).toEqual([["10.1.0.4"]]);
    const preferred = service(of.meta, undefined, { ipFamilies: ["IPv6", "IPv4"] });
    expect(targets([four, six], preferred)).toEqual([["fd00::4"]]);
    expect(targets([six])).toEqual([["fd00::4"]]);
  });

  it("are no endpoints of a slice that a connector made", () => {
    const labels = { "app.kubernetes.io/managed-by": "fairlead", "fairlead.dev/site-id": "s1" };
    expect(targets([slice("web", [endpoint("10.1.0.4")], { meta: meta("web-x", { labels }) })])).toEqual([
      [],
    ]);
  });

  it("have the number that each slice gives a port with a name", () => {
    const named = service(of.meta, [servicePort(80, { name: "web", targetPort: "http" })]);
    const port = (number: number) => [{ name: "web", protocol: "TCP", port: number }];
    const { service: exposed } = ofService(named, [
      slice("web", [endpoint("10.1.0.4")], { meta: meta("web-a"), ports: port(8080) }),
      slice("web", [endpoint("10.1.0.5")], { meta: meta("web-b"), ports: port(9080) }),
    ]);
    expect(exposed?.ports[0]?.targets).toEqual([
      { host: "10.1.0.4", port: 8080 },
      { host: "10.1.0.5", port: 9080 },
    ]);
  });

  it("are missed by name where no ready pod has the port", () => {
    const named = service(of.meta, [servicePort(80, { name: "web", targetPort: "http" })]);
    const { service: exposed, warnings } = ofService(named, [
      slice("web", [endpoint("10.1.0.4")], { ports: [] }),
    ]);
    expect(exposed?.ports).toMatchObject([{ servicePort: 80, targets: [] }]);
    expect(warnings).toMatchObject([
      { reason: "InvalidPort", note: expect.stringContaining("the name http") },
    ]);
  });
});

describe("A headless Service", () => {
  const headless = (annotations: Annotations = {}) =>
    service(meta("db", { annotations: { ...ON, ...annotations } }), [servicePort(5432)], {
      clusterIP: "None",
    });
  const slices = [
    slice(
      "db",
      [endpoint("10.1.0.4", { pod: "db-0", hostname: "db-0" }), endpoint("10.1.0.5", { pod: "db-1" })],
      {
        ports: [{ name: "", protocol: "TCP", port: 5432 }],
      },
    ),
  ];

  it("is a service, and one for each ready pod with the pod's name", () => {
    const { service: exposed, pods } = ofService(headless({ "fairlead.dev/to": "east" }), slices);
    expect(exposed).toMatchObject({ name: "db", to: ["east"] });
    expect(exposed?.ports[0]?.targets).toHaveLength(2);
    expect(pods).toEqual([
      {
        name: "db-0",
        source: "Service shop/db",
        ports: [{ servicePort: 5432, protocol: "tcp", targets: [{ host: "10.1.0.4", port: 5432 }] }],
        to: ["east"],
        headless: { of: "db", host: "db-0" },
      },
      {
        name: "db-1",
        source: "Service shop/db",
        ports: [{ servicePort: 5432, protocol: "tcp", targets: [{ host: "10.1.0.5", port: 5432 }] }],
        to: ["east"],
        headless: { of: "db", host: "db-1" },
      },
    ]);
  });

  it("is one service where the annotation says so", () => {
    expect(ofService(headless({ "fairlead.dev/headless": "false" }), slices).pods).toEqual([]);
  });

  it("leaves out pods whose names are none in the network, and says so", () => {
    const odd = [
      slice("db", [endpoint("10.1.0.4", { pod: "db.x" }), endpoint("10.1.0.5", { pod: undefined })]),
    ];
    const { service: exposed, pods, warnings } = ofService(headless(), odd);
    expect([exposed?.ports[0]?.targets.length, pods]).toEqual([2, []]);
    expect(warnings).toMatchObject([{ reason: "InvalidName" }]);
  });

  it("names a bounded number of pods", () => {
    const many = Array.from({ length: 120 }, (_, at) => endpoint(`10.1.1.${at}`));
    const { pods, warnings } = ofService(headless(), [slice("db", many)]);
    expect([pods.length, warnings.map(({ reason }) => reason)]).toEqual([100, ["TooManyPods"]]);
  });
});

describe("An annotated workload", () => {
  const pods = [
    pod("api-b", "10.1.0.5"),
    pod("api-a", "10.1.0.4"),
    pod("api-c", "10.1.0.6", { ready: false }),
  ];
  const api = (annotations: Annotations, ports?: WorkloadObject["containerPorts"]) =>
    ofWorkload(deployment(meta("api", { annotations: { ...ON, ...annotations } }), ports), pods);

  it("is exposed with the ports of its containers and its ready pods", () => {
    expect(api({}).service).toEqual({
      name: "api",
      source: "Deployment shop/api",
      ports: [
        {
          servicePort: 8080,
          protocol: "tcp",
          targets: [
            { host: "10.1.0.4", port: 8080 },
            { host: "10.1.0.5", port: 8080 },
          ],
        },
      ],
    });
  });

  it("has a port by the name of a container's port", () => {
    expect(api({ "fairlead.dev/port": "80:web" }).service?.ports).toMatchObject([
      { servicePort: 80, targets: [{ port: 8080 }, { port: 8080 }] },
    ]);
  });

  it("may have a port that no container declares, with a Warning where others are declared", () => {
    const { service: exposed, warnings } = api({ "fairlead.dev/port": "80:9999" });
    expect(exposed?.ports).toMatchObject([{ servicePort: 80, targets: [{ port: 9999 }, { port: 9999 }] }]);
    expect(warnings).toMatchObject([{ reason: "InvalidPort", note: expect.stringContaining("Port 9999") }]);
    const udp = api({ "fairlead.dev/port": "53", "fairlead.dev/protocol": "udp" }, []);
    expect([udp.service?.ports[0]?.protocol, udp.warnings]).toEqual(["udp", []]);
  });

  it("says which name is impossible, and which annotation changes it", () => {
    const { service: exposed, warnings } = ofWorkload(deployment(meta("api.v2", { annotations: ON })), pods);
    expect(exposed).toBeNull();
    expect(warnings).toMatchObject([
      { reason: "InvalidName", note: expect.stringMatching(/"api.v2".*fairlead.dev\/address/) },
    ]);
  });

  it("has a service for each ready pod with fairlead.dev/headless", () => {
    expect(api({ "fairlead.dev/headless": "true" }).pods.map(({ name }) => name)).toEqual(["api-a", "api-b"]);
  });

  it("without ports says how to name them", () => {
    expect(api({}, []).warnings).toMatchObject([{ note: expect.stringContaining("fairlead.dev/port") }]);
  });
});

describe("Skupper's annotations", () => {
  const skupper = (annotations: Annotations) => annotated(annotations, undefined, true);

  it("expose a Service as Fairlead's do", () => {
    const { service: exposed, warnings } = skupper({
      "skupper.io/proxy": "http",
      "skupper.io/address": "shop-web",
      "skupper.io/port": "8080:80",
      "skupper.io/target": "web",
    });
    expect(exposed).toMatchObject({ name: "shop-web", ports: [{ servicePort: 8080, protocol: "http" }] });
    expect(warnings).toEqual([]);
  });

  it("give way to Fairlead's on the same object", () => {
    const theirs = { "skupper.io/proxy": "http", "skupper.io/address": "theirs" };
    expect(skupper({ ...theirs, "fairlead.dev/address": "ours" }).service).toMatchObject({ name: "ours" });
    expect(skupper({ ...theirs, "fairlead.dev/expose": "false" }).service).toBeNull();
  });

  it.each([
    ["ingress", "Never", "--kubernetes-import"],
    ["tls-cert", "cert", "--listen-tls"],
    ["tls-trust", "ca", "--target-tls"],
    ["service-labels", "a=b", "exportedLabels"],
    ["cpu-request", "1", "fairlead kubernetes manifest"],
  ])("without a counterpart, as %s, are named with what to do instead", (name, value, instead) => {
    const { service: exposed, warnings } = skupper({
      "skupper.io/proxy": "tcp",
      [`skupper.io/${name}`]: value,
    });
    expect(exposed).not.toBeNull();
    expect(warnings).toMatchObject([
      { reason: "UnsupportedAnnotation", note: expect.stringContaining(instead) },
    ]);
  });

  it.each<readonly [Annotations, RegExp]>([
    [{ "skupper.io/target": "other" }, /Annotate the Service "other" itself/],
    [{ "skupper.io/ingress-only": "true" }, /a Service without targets/],
    [{ "internal.skupper.io/originalSelector": "app=web" }, /Skupper's router/],
    [{ "skupper.io/proxy": "amqp" }, /skupper.io\/proxy has "amqp"/],
    [{ "skupper.io/address": "UP" }, /skupper.io\/address has "UP"/],
  ])("that ask for something else, as %o, expose nothing", (annotations, note) => {
    const { service: exposed, warnings } = skupper({ "skupper.io/proxy": "tcp", ...annotations });
    expect(exposed).toBeNull();
    expect(warnings).toMatchObject([{ note: expect.stringMatching(note) }]);
  });
});
