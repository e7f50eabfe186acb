/**
 * Resets a local connection without losing what was written to it. A reset makes the kernel drop what the peer has not
 * acknowledged, and an orderly end would make half an answer look whole. So the reset waits until the kernel's send
 * queue is empty. Node does not expose its length (Node 24, November 2026); Linux shows it in /proc/self/net/tcp.
 */
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { endianness } from "node:os";
import { TLSSocket } from "node:tls";
import ipaddr from "ipaddr.js";
import { pendingResets } from "../net/pending-resets.ts";

/** Pause between two readings of the kernel's queues, ms, and at least this multiple of what a reading takes. */
const READ_MS = 10;
const READ_TIMES = 20;

/** How long the kernel gets to send its queue where it does not show it, ms. */
const BLIND_MS = 500;

/** Bytes of a connection's send queue; "gone" when the kernel does not list the connection. */
type QueueLength = number | "gone" | "unknown";

interface Waiting {
  /** The last {@link QueueLength} in bytes. */
  left: number;
  /** Readings in a row that did not list the connection: a long table is not read atomically. */
  missed: number;
  /** When Node had nothing left to write, by `performance.now`; null before. */
  writtenAt: number | null;
  readonly settled: () => void;
}

const waiting = new Map<Socket, Waiting>();
let isPlanned = false;

/**
 * Makes a reset of a TLS socket one of the TCP connection under it. The handle of TLS has none (Node 24.21, November
 * 2026), and Node takes an end without close_notify for an orderly one.
 */
export function resetTogether(socket: TLSSocket, carrier: Socket): void {
  socket.resetAndDestroy = () => {
    if (carrier.destroyed) socket.destroy();
    else carrier.resetAndDestroy();
    return socket;
  };
}

/**
 * Resets a connection. While a FIN is being sent, which takes a turn of the event loop, libuv refuses a reset, and Node
 * (24.21, November 2026) then never closes the socket. So the reset waits for the FIN.
 */
export function resetSocket(socket: Socket): void {
  // Libuv resets the connection under TLS, whose FIN follows that of TLS.
  const isTls = socket instanceof TLSSocket;
  const isFinishing =
    !isTls && socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (isFinishing && !socket.destroyed) socket.once("finish", () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

/** Resets `socket` once its peer has everything that was written to it, or stops making progress. */
export function resetAfterFlush(socket: Socket): void {
  if (socket.destroyed || waiting.has(socket)) return;
  if (socket.bytesWritten === 0 || socket.remoteAddress === undefined) {
    resetSocket(socket);
    return;
  }
  const reset = () => resetSocket(socket);
  const entry = { left: 0, missed: 0, writtenAt: null };
  const settled = pendingResets.add({
    bytes: socket.writableLength,
    progress: () => socket.writableLength + (waiting.get(socket)?.left ?? 0),
    reset,
  });
  if (settled === null) {
    reset();
    return;
  }
  waiting.set(socket, { ...entry, settled });
  socket.once("close", () => {
    waiting.delete(socket);
    settled();
  });
  plan(0);
}

function plan(ms: number): void {
  if (isPlanned) return;
  isPlanned = true;
  setTimeout(() => void review(), ms).unref();
}

async function review(): Promise<void> {
  const began = performance.now();
  const written = [...waiting.keys()].filter((socket) => socket.writableLength === 0);
  const queues = written.length === 0 ? null : await readQueues(written);
  for (const socket of written) {
    const entry = waiting.get(socket);
    // More may have been written during the reading.
    if (entry === undefined || socket.writableLength > 0) continue;
    if (isFlushed(entry, queues?.(socket) ?? "unknown")) resetSocket(socket);
  }
  isPlanned = false;
  if (waiting.size > 0) plan(Math.max(READ_MS, READ_TIMES * (performance.now() - began)));
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

/** Reads the kernel's send queues; null where it does not show them. */
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

/** An address as the kernel prints it: words of four bytes in the machine's byte order, in hexadecimal. */
function kernelAddress(address: string, port = 0): string {
  const bytes = ipaddr.parse(address).toByteArray();
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4).map((byte) => byte.toString(16).padStart(2, "0"));
    words.push((endianness() === "LE" ? word.reverse() : word).join(""));
  }
  return `${words.join("")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}
