/**
 * Resetting a local connection without losing what was written to it. A reset makes the kernel drop what its peer has not
 * acknowledged, and an orderly end would pass half an answer off as a whole one. So the reset waits until the
 * kernel's send queue is empty. Node cannot ask for its length; Linux shows it in /proc/self/net/tcp.
 */
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { endianness } from "node:os";
import ipaddr from "ipaddr.js";
import { pendingResets } from "../net/pending-resets.ts";

/** Between two looks at the kernel's queues, ms; at least this many times what the last look took. */
const LOOK_MS = 10;
const LOOK_SHARE = 20;

/** Where the kernel does not show its queues, it gets this long for what it took, ms. */
const BLIND_MS = 500;

/** What is known of a connection's send queue: its bytes, "gone" when the kernel has none, "unknown". */
type QueueLength = number | "gone" | "unknown";

interface Waiting {
  /** See {@link QueueLength}; changes with each byte acknowledged. */
  left: number;
  /** Looks in a row that did not find it: a long table is not read in one piece. */
  missed: number;
  /** Since when Node has nothing left to write. */
  writtenAt: number | null;
  readonly over: () => void;
}

const waiting = new Map<Socket, Waiting>();
let isPlanned = false;

/**
 * Resets a connection. While its FIN is going out, which takes a turn of the event loop, libuv refuses to, and Node 24
 * then never closes it: the reset waits for that.
 */
export function resetSocket(socket: Socket): void {
  const isFinishing = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (isFinishing && !socket.destroyed) socket.once("finish", () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

/** Resets `socket` once its peer has got everything that was written to it, or makes no progress. */
export function resetAfterFlush(socket: Socket): void {
  if (socket.destroyed || waiting.has(socket)) return;
  if (socket.bytesWritten === 0 || socket.remoteAddress === undefined) {
    resetSocket(socket);
    return;
  }
  const reset = () => resetSocket(socket);
  const entry = { left: 0, missed: 0, writtenAt: null };
  const over = pendingResets.add({
    bytes: socket.writableLength,
    progress: () => socket.writableLength + (waiting.get(socket)?.left ?? 0),
    reset,
  });
  if (over === null) {
    reset();
    return;
  }
  waiting.set(socket, { ...entry, over });
  socket.once("close", () => {
    waiting.delete(socket);
    over();
  });
  plan(0);
}

function plan(ms: number): void {
  if (isPlanned) return;
  isPlanned = true;
  setTimeout(() => void look(), ms).unref();
}

async function look(): Promise<void> {
  const began = performance.now();
  const written = [...waiting.keys()].filter((socket) => socket.writableLength === 0);
  const queues = written.length === 0 ? null : await readQueues(written);
  for (const socket of written) {
    const entry = waiting.get(socket);
    // Something may have been written meanwhile.
    if (entry === undefined || socket.writableLength > 0) continue;
    if (isFlushed(entry, queues?.(socket) ?? "unknown")) resetSocket(socket);
  }
  isPlanned = false;
  if (waiting.size > 0) plan(Math.max(LOOK_MS, LOOK_SHARE * (performance.now() - began)));
}

function isFlushed(entry: Waiting, length: QueueLength): boolean {
  if (typeof length === "number") {
    entry.missed = 0;
    entry.left = length;
    return length === 0;
  }
  if (length === "gone") return ++entry.missed > 1;
  entry.writtenAt ??= performance.now();
  return performance.now() - entry.writtenAt >= BLIND_MS;
}

/** The kernel's send queues, as they are now; null where it does not show them. */
async function readQueues(sockets: readonly Socket[]): Promise<((socket: Socket) => QueueLength) | null> {
  try {
    const isV6 = (socket: Socket) => socket.remoteFamily === "IPv6";
    const nothing = Buffer.alloc(0);
    const [four, six] = await Promise.all([
      sockets.every(isV6) ? nothing : readFile("/proc/self/net/tcp"),
      sockets.some(isV6) ? readFile("/proc/self/net/tcp6") : nothing,
    ]);
    return (socket) => queueLength(isV6(socket) ? six : four, socket);
  } catch {
    return null;
  }
}

/** Reads a line such as `12: 0100007F:1F90 0100007F:C350 01 00000400:00000000 …`. */
function queueLength(table: Buffer, socket: Socket): QueueLength {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || remoteAddress === undefined) return "gone";
  const ends = `${kernelAddress(localAddress, localPort)} ${kernelAddress(remoteAddress, remotePort)} `;
  const at = table.indexOf(ends, 0, "latin1");
  if (at < 0) return "gone";
  const queue = at + ends.length + "01 ".length;
  return Number.parseInt(table.toString("latin1", queue, queue + 8), 16);
}

/** An address as the kernel prints it: words of four bytes in the machine's order, in hexadecimal. */
function kernelAddress(address: string, port = 0): string {
  const bytes = ipaddr.parse(address).toByteArray();
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4).map((byte) => byte.toString(16).padStart(2, "0"));
    words.push((endianness() === "LE" ? word.reverse() : word).join(""));
  }
  return `${words.join("")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}
