/** The ports of the edge: whether they are available, and which port is free. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { FairleadError } from "../../../protocol/errors.ts";
import { sleep } from "../../async/sleep.ts";
import { errnoOf } from "../../state/errors.ts";
import { type Address, type Addresses, formatAddress } from "./addresses.ts";

/** How long a port may still be held by the workerd of a killed edge, ms. */
const PATIENCE_MS = 2_000;

/**
 * Where a free port is looked for first, [first, end): below the ports that Linux, macOS and Windows give to
 * outgoing connections, since such a connection could take the port before the edge, or a restart of the
 * edge, listens on it.
 */
const QUIET_PORTS = [20_000, 32_768] as const;

/** How many of {@link QUIET_PORTS} are tried before the kernel chooses a port. */
const QUIET_ATTEMPTS = 16;

/**
 * Settles the ports of the addresses: port 0 becomes the port of the last run, or a free one.
 *
 * @param remembered the ports of the last run; undefined on the first run
 * @throws FairleadError edge.port_taken, naming the address; request.invalid
 */
export async function settlePorts(
  wanted: Addresses,
  remembered:
    | { readonly api: number; readonly gateway: number; readonly lanes?: number | undefined }
    | undefined,
): Promise<Addresses> {
  const settled = async (address: Address, last: number | undefined): Promise<Address> => ({
    host: address.host,
    port: await whenFree(address.port === 0 ? { ...address, port: last ?? 0 } : address),
  });
  const api = await settled(wanted.api, remembered?.api);
  const gateway = await settled(wanted.gateway, remembered?.gateway);
  const lanes = wanted.lanes && (await settled(wanted.lanes, remembered?.lanes));
  const all = [api, gateway, ...(lanes ? [lanes] : [])].map(formatAddress);
  if (new Set(all).size < all.length) {
    throw new FairleadError("request.invalid", "--api, --gateway and --lanes must be different addresses.");
  }
  return { api, gateway, lanes };
}

async function whenFree(address: Address): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await tryAddress(address);
    } catch (error) {
      const taken = error instanceof FairleadError && error.code === "edge.port_taken";
      if (!taken || performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

/**
 * Listens on an address for a moment to find out whether it is available.
 *
 * @returns the port; a free one for port 0
 * @throws FairleadError edge.port_taken; request.invalid when the host is not this machine's, or the port is
 *   not allowed
 */
export async function tryAddress({ host, port }: Address): Promise<number> {
  if (port !== 0) return listenBriefly({ host, port });
  for (let attempt = 0; attempt < QUIET_ATTEMPTS; attempt++) {
    try {
      return await listenBriefly({ host, port: randomInt(...QUIET_PORTS) });
    } catch (error) {
      if (!(error instanceof FairleadError && error.code === "edge.port_taken")) throw error;
    }
  }
  return listenBriefly({ host, port: 0 });
}

async function listenBriefly(address: Address): Promise<number> {
  const server = createServer();
  try {
    return await new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: address.host, port: address.port, exclusive: true }, () => {
        const bound = server.address();
        resolve(bound !== null && typeof bound === "object" ? bound.port : address.port);
      });
    });
  } catch (error) {
    throw listenError(error, address);
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** What to do about an address at which the edge cannot listen, by the code of the operating system. */
const LISTEN_ACTIONS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL:
    "Give an address of this machine with --api, --gateway or --lanes, such as 0.0.0.0:8443 for all of them; --hostname gives the name by which sites reach it.",
  EACCES:
    "Give a port from 1024 on with --api, --gateway or --lanes, or permit low ports: CAP_NET_BIND_SERVICE, or the sysctl net.ipv4.ip_unprivileged_port_start.",
  ENOTFOUND: "Give an IP address of this machine with --api, --gateway or --lanes: the name has no address.",
  EAFNOSUPPORT: "Give an IPv4 address with --api, --gateway or --lanes: this machine has no IPv6.",
};

/** The error for a failed attempt to listen; it names the address. */
export function listenError(error: unknown, address: Address): FairleadError {
  const where = formatAddress(address);
  const code = errnoOf(error);
  if (code === "EADDRINUSE") {
    return new FairleadError("edge.port_taken", `Another program listens on ${where}.`, { cause: error });
  }
  const why = error instanceof Error ? error.message : String(error);
  return new FairleadError("request.invalid", `The edge cannot listen on ${where}: ${why}.`, {
    cause: error,
    action: code === undefined ? undefined : LISTEN_ACTIONS[code],
  });
}
