/** Addresses of targets, and which of them a listener would take. */
import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";

/** Where a target is, and who offers it. */
export interface TargetAddress {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  readonly service: string;
  /** The site whose connector on this machine offers it; null for this connector itself. */
  readonly site: string | null;
}

/** An IPv4 address in IPv6's form is that IPv4 address. Null when the text is no address. */
function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  return ipaddr.isValid(text) ? ipaddr.process(text) : null;
}

/** Whether an address is one of this machine's. */
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
 * Whether a listener at `host` and `port` would answer who dials the target: at the same address, or at all addresses of
 * the machine that has it. Dialling 0.0.0.0 or :: reaches the loopback address.
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
