/**
 * The far end of a TCP connection on loopback, read and written with system calls of its own at the moment that the
 * bench chooses, without the event loop.
 */
import { once } from "node:events";
import { readSync, writeSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

const READ_BYTES = 256 * 1024;

export class KernelEnd {
  readonly #socket: Socket;
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);
  #unwritten: Buffer[] = [];

  /** @param socket must never have been read */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.#fd = descriptorOf(socket);
    socket.on("error", () => {});
  }

  /** Reads what has arrived. */
  read(): Buffer[] {
    const chunks: Buffer[] = [];
    for (;;) {
      const size = unlessBusy(() => readSync(this.#fd, this.#buffer, 0, READ_BYTES, null));
      if (size === 0) return chunks;
      chunks.push(Buffer.from(this.#buffer.subarray(0, size)));
    }
  }

  /** Writes bytes. What the kernel does not take waits for the next call. */
  write(chunks: readonly Buffer[]): void {
    this.#unwritten.push(...chunks);
    for (let chunk = this.#unwritten.shift(); chunk !== undefined; chunk = this.#unwritten.shift()) {
      const bytes = chunk;
      const size = unlessBusy(() => writeSync(this.#fd, bytes, 0, bytes.length, null));
      if (size === bytes.length) continue;
      this.#unwritten.unshift(bytes.subarray(size));
      return;
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Connects to a server on loopback. */
export async function dialKernelEnd(server: Server): Promise<KernelEnd> {
  const socket = connect({ host: "127.0.0.1", port: portOf(server), noDelay: true });
  socket.pause();
  await once(socket, "connect");
  return new KernelEnd(socket);
}

/** Listens on loopback. Resolves once it does; `connected` with the far end of the first connection to it. */
export async function listenKernelEnd(): Promise<{ port: number; connected: Promise<KernelEnd> }> {
  const server = createServer({ pauseOnConnect: true, noDelay: true });
  const connected = once(server, "connection").then(([socket]: Socket[]) => {
    server.close();
    if (socket === undefined) throw new Error("there is no connection");
    return new KernelEnd(socket);
  });
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  return { port: portOf(server), connected };
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Bytes that the kernel has taken from a socket of Node, under its TLS if it has some. */
export function writtenBytes(socket: Socket): number {
  const handle = handleOf(socket);
  return (handle._parent ?? handle).bytesWritten;
}

interface Handle {
  readonly fd: number;
  readonly bytesWritten: number;
  readonly _parent?: Handle;
}

/** The handle of a socket, which Node has no public name for (24). */
function handleOf(socket: Socket): Handle {
  return (socket as unknown as { _handle: Handle })._handle;
}

function descriptorOf(socket: Socket): number {
  return handleOf(socket).fd;
}

/** The count of a system call on a socket that does not block; 0 when it would. */
function unlessBusy(call: () => number): number {
  try {
    return call();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return 0;
    throw error;
  }
}
