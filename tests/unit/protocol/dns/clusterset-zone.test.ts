import { describe, expect, it } from "vitest";
import {
  type ClustersetPort,
  type ClustersetService,
  ClustersetZone,
} from "../../../../protocol/dns/clusterset-zone.ts";
import { CLASS_IN, TYPE } from "../../../../protocol/dns/constants.ts";
import { answerFromZone } from "../../../../protocol/dns/zone.ts";

const HTTP: ClustersetPort = { name: "http", protocol: "TCP", port: 80 };
const DNS: ClustersetPort = { name: "dns", protocol: "UDP", port: 80 };
const pod = (host: string, cluster: string, address: string) => ({
  host,
  cluster,
  address,
  ports: [HTTP, DNS],
});

const SERVICES: Readonly<Record<string, ClustersetService | "unknown">> = {
  "shop/api": { addresses: ["10.96.0.7", "fd00::7"], ports: [HTTP, DNS], pods: null },
  "shop/db": {
    ...{ addresses: [], ports: [HTTP, DNS] },
    pods: [pod("db-0", "east", "10.244.1.7"), pod("db-0", "west", "10.96.0.9")],
  },
  "shop/empty": { addresses: [], ports: [HTTP], pods: [] },
  "shop/later": "unknown",
};

const zone = new ClustersetZone(
  { service: (namespace, name) => SERVICES[`${namespace}/${name}`] ?? "absent" },
  { serial: 1, servers: ["10.96.0.53"] },
);

const NAMES = new Map([
  [0, "NOERROR"],
  [2, "SERVFAIL"],
  [3, "NXDOMAIN"],
]);

function ask(name: string, type: keyof typeof TYPE): string[] | string | undefined {
  const question = {
    name: name === "" ? "clusterset.local" : `${name}.clusterset.local`,
    ...{ type: TYPE[type], class: CLASS_IN, end: 0 },
  };
  const { rcode, answers } = answerFromZone(zone, question);
  if (answers.length === 0) return NAMES.get(rcode);
  return answers.map(({ data }) => {
    switch (data.type) {
      case "A":
        return data.address.join(".");
      case "AAAA":
        return data.address.map((byte) => byte.toString(16).padStart(2, "0")).join("");
      case "SRV":
        return `${data.port} ${data.host}`;
      case "TXT":
        return data.text;
      default:
        return data.type;
    }
  });
}

describe("The zone clusterset.local", () => {
  it.each([
    ["the clusterset IP", "api.shop.svc", "A", ["10.96.0.7"]],
    ["the clusterset IP of the other family", "api.shop.svc", "AAAA", ["fd000000000000000000000000000007"]],
    ["all ports of a service, each number once", "api.shop.svc", "SRV", ["80 api.shop.svc.clusterset.local"]],
    ["a named port", "_http._tcp.api.shop.svc", "SRV", ["80 api.shop.svc.clusterset.local"]],
    ["the ready pods of a headless service", "db.shop.svc", "A", ["10.244.1.7", "10.96.0.9"]],
    ["one pod of a cluster", "db-0.west.db.shop.svc", "A", ["10.96.0.9"]],
    [
      "a named port at each pod",
      "_dns._udp.db.shop.svc",
      "SRV",
      ["80 db-0.east.db.shop.svc.clusterset.local", "80 db-0.west.db.shop.svc.clusterset.local"],
    ],
    ["the version of the specification", "dns-version", "TXT", ["1.0.0"]],
    ["its server", "ns", "A", ["10.96.0.53"]],
    ["its top", "", "SOA", ["SOA"]],
  ] as const)("knows %s", (_, name, type, answers) => {
    expect(ask(name, type)).toEqual(answers);
  });

  it.each([
    ["a service that nobody exports", "other.shop.svc"],
    ["the pods of one cluster", "east.db.shop.svc"],
    ["a cluster of a service with an address", "east.api.shop.svc"],
    ["a pod that is not there", "db-1.east.db.shop.svc"],
    ["a headless service with nothing ready", "empty.shop.svc"],
    ["a port of another protocol", "_http._udp.api.shop.svc"],
    ["a protocol without ports", "_sctp.api.shop.svc"],
    ["names below a pod", "x.db-0.east.db.shop.svc"],
    ["names beside svc", "api.shop.pod"],
  ])("denies %s", (_, name) => {
    expect(ask(name, "A")).toBe("NXDOMAIN");
  });

  it.each(["svc", "shop.svc", "_tcp.api.shop.svc"])("has nothing but names below at %s", (name) => {
    expect(ask(name, "A")).toBe("NOERROR");
  });

  it("says nothing of what is not known yet", () => {
    expect(ask("later.shop.svc", "A")).toBe("SERVFAIL");
  });
});
