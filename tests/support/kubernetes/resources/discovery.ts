/** EndpointSlices: addresses that the real server accepts, which loopback addresses are not. */
import { isIP, isIPv4 } from "node:net";
import { type JsonObject, objectsIn, textIn, textsIn } from "../json.ts";
import { dnsLabel, dnsSubdomain, qualifiedName } from "../names.ts";
import type { KubeObject } from "../object.ts";
import type { ResourceType } from "../resource-type.ts";
import { duplicate, type FieldFault, invalidValue, required, tooMany, unsupported } from "../status.ts";
import { AGE, builtIn, column, NAME } from "./built-in.ts";

const ADDRESS_TYPES = ["FQDN", "IPv4", "IPv6"];

export const ENDPOINT_SLICE: ResourceType = builtIn("io.k8s.api.discovery.v1", {
  group: "discovery.k8s.io",
  resource: "endpointslices",
  kind: "EndpointSlice",
  complete: (slice) => {
    for (const port of objectsIn(slice.ports)) {
      port.protocol ??= "TCP";
      port.name ??= "";
    }
    for (const endpoint of objectsIn(slice.endpoints)) endpoint.conditions ??= {};
  },
  faults: faultsOf,
  columns: [
    NAME,
    column("AddressType", ({ addressType }) => textIn(addressType)),
    column(
      "Ports",
      ({ ports }) =>
        objectsIn(ports)
          .map(({ port }) => port)
          .join(",") || "<unset>",
    ),
    column(
      "Endpoints",
      ({ endpoints }) =>
        objectsIn(endpoints)
          .flatMap(({ addresses }) => textsIn(addresses))
          .join(",") || "<unset>",
    ),
    AGE,
  ],
});

function faultsOf(slice: KubeObject, before: KubeObject | undefined): FieldFault[] {
  const type = textIn(slice.addressType);
  const faults: FieldFault[] = [];
  if (before !== undefined && before.addressType !== type) {
    faults.push(invalidValue("addressType", type, "field is immutable"));
  }
  if (type === "") return [...faults, required("addressType")];
  if (!ADDRESS_TYPES.includes(type)) return [...faults, unsupported("addressType", type, ADDRESS_TYPES)];
  const endpoints = objectsIn(slice.endpoints);
  if (endpoints.length > 1000) faults.push(tooMany("endpoints", endpoints.length, 1000));
  for (const [index, endpoint] of endpoints.entries()) {
    faults.push(...endpointFaults(endpoint, `endpoints[${index}]`, type));
  }
  return [...faults, ...portFaults(objectsIn(slice.ports))];
}

function endpointFaults(endpoint: JsonObject, path: string, type: string): FieldFault[] {
  const addresses = textsIn(endpoint.addresses);
  const faults: FieldFault[] = [];
  if (addresses.length === 0) {
    faults.push(required(`${path}.addresses`, "must contain at least 1 address"));
  }
  if (addresses.length > 100) faults.push(tooMany(`${path}.addresses`, addresses.length, 100));
  for (const [index, address] of addresses.entries()) {
    const why = addressFault(address, type);
    if (why !== undefined) faults.push(invalidValue(`${path}.addresses[${index}]`, address, why));
  }
  const hostname = textIn(endpoint.hostname);
  const why = endpoint.hostname === undefined ? undefined : dnsLabel(hostname);
  if (why !== undefined) faults.push(invalidValue(`${path}.hostname`, hostname, why));
  return faults;
}

function addressFault(address: string, type: string): string | undefined {
  if (type === "FQDN") return dnsSubdomain(address);
  if (isIP(address) === 0 || isIPv4(address) !== (type === "IPv4")) {
    return `must be a valid ${type} address`;
  }
  const text = address.toLowerCase();
  if (["0.0.0.0", "::"].includes(text)) return `may not be unspecified (${address})`;
  if (/^127\.|^::1$/.test(text)) return "may not be in the loopback range (127.0.0.0/8, ::1/128)";
  if (/^169\.254\.|^fe[89ab]/.test(text)) {
    return "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
  }
  if (/^224\.0\.0\.|^ff02:/.test(text)) {
    return "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
  }
  return undefined;
}

function portFaults(ports: readonly JsonObject[]): FieldFault[] {
  const faults: FieldFault[] = ports.length > 100 ? [tooMany("ports", ports.length, 100)] : [];
  const names = new Set<string>();
  for (const [index, { name: given, protocol, appProtocol }] of ports.entries()) {
    const name = textIn(given);
    if (names.has(name)) faults.push(duplicate(`ports[${index}].name`, name));
    names.add(name);
    const why = name === "" ? undefined : dnsLabel(name);
    if (why !== undefined) faults.push(invalidValue(`ports[${index}].name`, name, why));
    if (!["SCTP", "TCP", "UDP"].includes(textIn(protocol))) {
      faults.push(unsupported(`ports[${index}].protocol`, textIn(protocol), ["SCTP", "TCP", "UDP"]));
    }
    const application = textIn(appProtocol);
    const fault = application === "" ? undefined : qualifiedName(application);
    if (fault !== undefined) faults.push(invalidValue(`ports[${index}].appProtocol`, application, fault));
  }
  return faults;
}
