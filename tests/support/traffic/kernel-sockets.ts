/** State of TCP connections on IPv4 in the Linux kernel. */
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

export interface KernelSocket {
  /** Time until the first keepalive probe, ms; null while that timer does not run. */
  readonly keepAliveMs: number | null;
}

const KEEPALIVE_TIMER = "02";

/** Reads the kernel's line for this end of a connection. @throws Error when there is none */
export function kernelSocket(socket: Socket): KernelSocket {
  const local = hexAddress(socket.localAddress, socket.localPort);
  const remote = hexAddress(socket.remoteAddress, socket.remotePort);
  for (const line of readFileSync("/proc/net/tcp", "latin1").split("\n")) {
    const [, from, to, , , timer = ""] = line.trim().split(/\s+/);
    if (from !== local || to !== remote) continue;
    const [kind, ticks = "0"] = timer.split(":");
    // The kernel reports ticks of 10 ms (USER_HZ is 100).
    return { keepAliveMs: kind === KEEPALIVE_TIMER ? Number.parseInt(ticks, 16) * 10 : null };
  }
  throw new Error(`The kernel has no connection ${local} ${remote}.`);
}

/** Formats an address as /proc/net/tcp of a little-endian machine does. */
function hexAddress(address = "", port = 0): string {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `${bytes.reverse().join("")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}
