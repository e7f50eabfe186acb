/**
 * The network of a pod, for a process that has none: `node --import pod-network.ts`, with POD_IP set. What the process
 * dials at an address of a pod leads to where that pod listens on this machine, and what it binds to all addresses is
 * bound to its pod's alone, so that processes in several pods can have one port.
 *
 * It stands where node:net and node:dgram hand addresses to libuv. Everything above it sees addresses of pods.
 */
import { localAddress, podAddress } from "./pod-addresses.ts";

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Prototype = Record<string, Method>;

/** Node's own binding of sockets. `process.binding` is deprecated in the documentation alone (DEP0111), and has no type. */
const { binding } = process as unknown as { binding(name: string): Record<string, { prototype: Prototype }> };

const { POD_IP = "" } = process.env;

/** The address that the kernel is given in place of one. */
function translated(address: unknown): unknown {
  if (typeof address !== "string") return address;
  const isWildcard = address === "0.0.0.0" || address === "::";
  return localAddress(isWildcard && POD_IP !== "" ? POD_IP : address);
}

function replace(prototype: Prototype, name: string, make: (original: Method) => Method): void {
  const original = prototype[name];
  if (original === undefined) throw new Error(`This version of Node has no ${name} in its sockets.`);
  prototype[name] = make(original);
}

/** Translates the address in the argument `at`. */
const translating =
  (at: number) =>
  (original: Method): Method =>
    function (...args) {
      args[at] = translated(args[at]);
      return original.apply(this, args);
    };

/** Tells the pod's address, where the kernel tells the local one. */
const telling = (original: Method): Method =>
  function (...args) {
    const result = original.apply(this, args);
    const out = args[0] as { address?: string };
    if (out.address !== undefined) out.address = podAddress(out.address);
    return result;
  };

const tcp = binding("tcp_wrap").TCP?.prototype ?? {};
const udp = binding("udp_wrap").UDP?.prototype ?? {};
const bindTcp = tcp.bind;
replace(tcp, "bind", translating(0));
// A server without a host binds to all addresses of both families at once; a pod has one address, of IPv4.
replace(
  tcp,
  "bind6",
  (original) =>
    function (...args) {
      const isWildcard = args[0] === "::" && POD_IP !== "" && bindTcp !== undefined;
      return isWildcard ? bindTcp.call(this, localAddress(POD_IP), args[1], 0) : original.apply(this, args);
    },
);
replace(tcp, "connect", translating(1));
replace(udp, "bind", translating(0));
replace(udp, "connect", translating(0));
replace(udp, "send", translating(4));
for (const prototype of [tcp, udp]) {
  replace(prototype, "getsockname", telling);
  replace(prototype, "getpeername", telling);
}
