/** The addresses of targets, compared with those of listeners. */
import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";

/** The address of a target, and the service and site that offer it. */
export interface TargetAddress {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  readonly service: string;
  /** The site whose connector on this machine offers it; null for this connector itself. */
  readonly site: string | null;
}

/** Parses an address; an IPv4-mapped IPv6 address becomes the IPv4 address. Null when the text is no address. */
function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  return ipaddr.isValid(text) ? ipaddr.process(text) : null;
}

/** Whether this machine has the address. */
export function isOfThisMachine(address: string): boolean {
  const parsed = parse(address);
  if (parsed === null) return false;
  if (parsed.range() === "loopback") return true;
  const text = parsed.toString();
  return Object.values(networkInterfaces()).some((all) =>
    all?.some((each) => parse(each.address)?.toString() === text),
  );
}

/**
 * Whether a listener at `host` and `port` would get the connections to the target: it has the same address, or all
 * addresses of the machine that has it. A connection to 0.0.0.0 or :: reaches the loopback address.
 */
export function takes(
  { host, port }: { readonly host: string; readonly port: number },
  target: { readonly address: string; readonly port: number },
  isLocal: (address: string) => boolean = isOfThisMachine,
): boolean {
  if (port !== target.port) return false;
  const listener = parse(host);
  const dialled = parse(target.address);
  if (listener === null || dialled === null) return false;
  const everywhere = listener.range() === "unspecified";
  if (dialled.range() === "unspecified") return everywhere || listener.range() === "loopback";
  // A listener at :: takes IPv4 as well.
  if (everywhere) return (listener.kind() === "ipv6" || dialled.kind() === "ipv4") && isLocal(target.address);
  return listener.toString() === dialled.toString();
}
