/** Services: addresses of their own, and what may not change. */
import { BlockList, isIP } from "node:net";
import { at, equal, type JsonObject, listIn, objectIn, objectsIn, textIn, textsIn } from "../json.ts";
import { dns1035Label, dnsLabel, labelValue } from "../names.ts";
import type { KubeObject } from "../object.ts";
import type { ResourceType } from "../resource-type.ts";
import {
  duplicate,
  type FieldFault,
  forbiddenField,
  invalidValue,
  required,
  unsupported,
} from "../status.ts";
import type { Storage } from "../storage.ts";
import { AGE, builtIn, column, NAME } from "./built-in.ts";

const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const PORT_NAME = /^(?=.*[a-z])[a-z0-9]([a-z0-9]|-(?!-))*$/;

/** The type Service, whose addresses come from a range. */
export function serviceType(storage: Storage, range: string): ResourceType {
  const addresses = new Addresses(storage, range);
  return builtIn("io.k8s.api.core.v1", {
    group: "",
    resource: "services",
    kind: "Service",
    shortNames: ["svc"],
    categories: ["all"],
    hasStatus: true,
    selectable: ["spec.clusterIP", "spec.type"],
    returnsDeleted: true,
    nameFault: dns1035Label,
    complete: (service, before) => complete(service, before, addresses),
    faults: (service, before) => [...faultsOf(service, before), ...addresses.faults(service, before)],
    columns: [
      NAME,
      column("Type", ({ spec }) => textIn(at(spec, "type"))),
      column("Cluster-IP", ({ spec }) => textIn(at(spec, "clusterIP")) || "<none>"),
      column("External-IP", () => "<none>"),
      column("Port(s)", ({ spec }) =>
        objectsIn(at(spec, "ports"))
          .map(({ port, protocol }) => `${port}/${protocol}`)
          .join(","),
      ),
      AGE,
      column("Selector", ({ spec }) => selectorText(objectIn(at(spec, "selector"))), 1),
    ],
  });
}

const selectorText = (selector: JsonObject) =>
  Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(",") || "<none>";

function complete(service: KubeObject, before: KubeObject | undefined, addresses: Addresses): void {
  const spec = objectIn(service.spec);
  service.spec = spec;
  service.status ??= { loadBalancer: {} };
  spec.type ??= "ClusterIP";
  spec.sessionAffinity ??= "None";
  if (spec.sessionAffinity === "ClientIP") {
    spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10_800 } };
  }
  for (const port of objectsIn(spec.ports)) {
    port.protocol ??= "TCP";
    if (port.targetPort === undefined || port.targetPort === 0) port.targetPort = port.port;
  }
  if (spec.type === "ExternalName") return;
  spec.internalTrafficPolicy ??= "Cluster";
  const old = objectIn(before?.spec);
  if (spec.clusterIP === undefined || spec.clusterIP === "") {
    const [first = ""] = textsIn(spec.clusterIPs);
    spec.clusterIP = first !== "" ? first : old.type === "ExternalName" ? undefined : old.clusterIP;
  }
  spec.clusterIP ??= addresses.next();
  spec.clusterIPs ??= [spec.clusterIP];
  spec.ipFamilies ??= ["IPv4"];
  spec.ipFamilyPolicy ??= "SingleStack";
}

function faultsOf(service: KubeObject, before: KubeObject | undefined): FieldFault[] {
  const spec = objectIn(service.spec);
  const ports = objectsIn(spec.ports);
  const faults: FieldFault[] = [];
  const type = textIn(spec.type);
  if (!TYPES.includes(type)) faults.push(unsupported("spec.type", type, TYPES));
  const isHeadless = spec.clusterIP === "None";
  if (ports.length === 0 && !isHeadless && type !== "ExternalName") faults.push(required("spec.ports"));
  if (type === "ExternalName" && textIn(spec.externalName) === "") faults.push(required("spec.externalName"));
  if (type === "LoadBalancer" && isHeadless) {
    faults.push(
      invalidValue("spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services"),
    );
  }
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const path = `spec.ports[${index}]`;
    faults.push(...portFaults(port, path, ports.length > 1, names));
    const key = `${port.protocol}/${port.port}`;
    if (numbers.has(key)) faults.push(duplicate(path, port));
    numbers.add(key);
    if (Number(port.nodePort ?? 0) !== 0 && type === "ClusterIP") {
      faults.push(forbiddenField(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
    }
  }
  for (const [key, value] of Object.entries(objectIn(spec.selector))) {
    const why = labelValue(textIn(value));
    if (why !== undefined) faults.push(invalidValue(`spec.selector`, value ?? key, why));
  }
  if (!["None", "ClientIP"].includes(textIn(spec.sessionAffinity))) {
    faults.push(unsupported("spec.sessionAffinity", spec.sessionAffinity ?? null, ["ClientIP", "None"]));
  }
  const old = objectIn(before?.spec);
  const keptType = old.type !== undefined && old.type !== "ExternalName" && type !== "ExternalName";
  if (keptType && textIn(old.clusterIP) !== "" && old.clusterIP !== spec.clusterIP) {
    faults.push(invalidValue("spec.clusterIPs[0]", listIn(spec.clusterIPs), "may not change once set"));
  }
  return faults;
}

function portFaults(port: JsonObject, path: string, several: boolean, names: Set<string>): FieldFault[] {
  const faults: FieldFault[] = [];
  const name = textIn(port.name);
  if (several && name === "") faults.push(required(`${path}.name`));
  if (name !== "") {
    const why = dnsLabel(name);
    if (why !== undefined) faults.push(invalidValue(`${path}.name`, name, why));
    if (names.has(name)) faults.push(duplicate(`${path}.name`, name));
    names.add(name);
  }
  if (!isPort(port.port)) {
    faults.push(invalidValue(`${path}.port`, port.port ?? 0, "must be between 1 and 65535, inclusive"));
  }
  if (!PROTOCOLS.includes(textIn(port.protocol))) {
    faults.push(unsupported(`${path}.protocol`, port.protocol ?? "", PROTOCOLS));
  }
  const { targetPort } = port;
  if (typeof targetPort === "number" && !isPort(targetPort)) {
    faults.push(invalidValue(`${path}.targetPort`, targetPort, "must be between 1 and 65535, inclusive"));
  }
  if (typeof targetPort === "string" && (!PORT_NAME.test(targetPort) || targetPort.length > 15)) {
    faults.push(
      invalidValue(
        `${path}.targetPort`,
        targetPort,
        targetPort.length > 15
          ? "must be no more than 15 characters"
          : "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
      ),
    );
  }
  return faults;
}

export const isPort = (value: unknown) =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;

/** Addresses of Services. What is taken is read from the Services themselves, so a dry run takes nothing. */
class Addresses {
  readonly #storage: Storage;
  readonly #range: string;
  readonly #inRange = new BlockList();
  readonly #base: number;
  readonly #size: number;
  #last = 9;

  constructor(storage: Storage, range: string) {
    this.#storage = storage;
    this.#range = range;
    const [network = "", bits = ""] = range.split("/");
    this.#inRange.addSubnet(network, Number(bits), "ipv4");
    this.#base = network.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
    this.#size = 2 ** (32 - Number(bits));
  }

  next(): string {
    const taken = this.#taken();
    for (let tried = 0; tried < this.#size; tried += 1) {
      this.#last = (this.#last + 1) % (this.#size - 1) || 1;
      const address = this.#base + this.#last;
      const text = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
      if (!taken.has(text)) return text;
    }
    throw new Error("All addresses of Services are taken.");
  }

  faults({ metadata, spec }: KubeObject, before: KubeObject | undefined): FieldFault[] {
    const address = textIn(at(spec, "clusterIP"));
    if (address === "" || address === "None" || address === at(before?.spec, "clusterIP")) return [];
    if (isIP(address) === 0) {
      return [
        invalidValue(
          "spec.clusterIPs[0]",
          address,
          "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        ),
      ];
    }
    const failed = (why: string) => [
      invalidValue("spec.clusterIPs", [address], `failed to allocate IP ${address}: ${why}`),
    ];
    if (isIP(address) !== 4 || !this.#inRange.check(address)) {
      return failed(
        `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${this.#range}`,
      );
    }
    const owner = this.#taken().get(address);
    return owner === undefined || equal(owner, `${metadata.namespace}/${metadata.name}`)
      ? []
      : failed("provided IP is already allocated");
  }

  /** Taken addresses, with their Services. */
  #taken(): Map<string, string> {
    return new Map(
      this.#storage
        .collection("services")
        .list()
        .map(({ metadata, spec }) => [
          textIn(at(spec, "clusterIP")),
          `${metadata.namespace}/${metadata.name}`,
        ]),
    );
  }
}
