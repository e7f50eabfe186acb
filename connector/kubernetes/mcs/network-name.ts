/** Names in the network of what a ServiceExport exports: flat labels, of names that are unique in a namespace only. */
import { createHash } from "node:crypto";
import { ServiceName } from "../../../protocol/names.ts";

/** Between the parts of a name. */
const SEPARATOR = "--";
/** Longest label of DNS, characters. */
const MAX_LABEL = 63;
/** Hexadecimal digits of the hash in a name that would be too long, or not unique. */
const HASH_DIGITS = 8;

/** The service of the network for the TCP ports of an exported Service. */
export const networkName = (namespace: string, name: string): string => joined([name, namespace]);

/** The service for its UDP ports: a service of the network has each port number once. */
export const udpNetworkName = (namespace: string, name: string): string => joined([name, namespace, "udp"]);

/** The service for one pod of an exported headless Service, which is unlike the pod of that name at another site. */
export const podNetworkName = (namespace: string, name: string, siteName: string, host: string): string =>
  joined([host, siteName, name, namespace]);

/** The service for the pod's UDP ports. */
export const podUdpNetworkName = (namespace: string, name: string, siteName: string, host: string): string =>
  joined([host, siteName, name, namespace, "udp"]);

/** The name that a Service, an EndpointSlice or a label has for some parts: short, and the same at each start. */
export const derivedName = (prefix: string, ...parts: readonly string[]): string =>
  `${prefix}-${hashOf(parts).slice(0, 2 * HASH_DIGITS)}`;

/** Parts that hold the separator could be split in two ways, so that their name has a hash. */
function joined(parts: readonly string[]): string {
  const text = parts.join(SEPARATOR);
  if (!parts.some((part) => part.includes(SEPARATOR)) && ServiceName.safeParse(text).success) return text;
  const start = text.slice(0, MAX_LABEL - HASH_DIGITS - 1).replace(/[^a-z0-9]+$/, "");
  return `${start}-${hashOf(parts).slice(0, HASH_DIGITS)}`;
}

/** No name of Kubernetes has a slash. */
const hashOf = (parts: readonly string[]): string =>
  createHash("sha256").update(parts.join("/")).digest("hex");
