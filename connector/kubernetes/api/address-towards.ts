/** The machine's address by which others reach it. */
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { isLoopback } from "../../../protocol/dns/address.ts";

/** A datagram socket sends nothing when it is connected: it only asks the routes. */
const ANY_PORT = 443;

/**
 * The address from which this machine reaches a server. For a server on this machine, the first address that others can
 * reach; null if there is none.
 */
export async function addressTowards({ hostname }: URL): Promise<string | null> {
  const routed = await routedAddress(hostname.replace(/^\[|\]$/g, ""));
  if (routed !== null && !isLoopback(routed)) return routed;
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ internal, address }) => !internal && !isLinkLocal(address))?.address ?? null;
}

async function routedAddress(host: string): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  socket.on("error", () => resolve(null));
  socket.connect(ANY_PORT, host, () => resolve(socket.address().address));
  const address = await promise;
  socket.close();
  return address;
}

const isLinkLocal = (address: string): boolean =>
  address.startsWith("fe80:") || address.startsWith("169.254.");
