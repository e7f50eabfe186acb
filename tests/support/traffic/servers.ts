/** TCP servers as targets, and clients of listeners. */
import { createCipheriv, createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { freePort } from "../free-port.ts";

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface TestServer extends Place {
  /** `HOST:PORT` */
  readonly at: string;
  /** Open connections. */
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

const servers = new Set<TestServer>();

/**
 * Serves connections at `host` until the end of the test file. Either side may end its half first. No other server of
 * the tests gets its port once it is closed.
 */
export async function serve(
  handle: (socket: Socket) => void,
  { host = "127.3.0.1", port }: Partial<Place> = {},
): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    handle(socket);
  });
  const at = port ?? (await freePort(host));
  server.listen(at, host);
  await once(server, "listening");
  const test: TestServer = {
    host,
    port: at,
    at: `${host}:${at}`,
    sockets,
    async close() {
      servers.delete(test);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  servers.add(test);
  return test;
}

/** Echoes every byte, and ends when the client does. */
export const echo = (socket: Socket) => void socket.pipe(socket);

export async function closeServers(): Promise<void> {
  for (const server of [...servers]) await server.close();
}

/** Connects a client that can end its half and still read. */
export async function dial({ host, port }: Place): Promise<Socket> {
  const socket = connect({ host, port, allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

/** Sends, ends this half, and returns the answer. @throws the socket's error, such as a reset */
export async function exchange(place: Place, data: string | Uint8Array): Promise<Buffer> {
  const socket = await dial(place);
  socket.end(data);
  return await buffer(socket);
}

/** Connects and sends nothing. Returns how the connection ends: the error's code, or "end". */
export function fate({ host, port }: Place): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    // A reset may arrive together with the connection.
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once("end", () => resolve("end"));
    socket.resume();
  });
}

/** Returns `length` pseudo-random bytes that depend on `seed` alone. */
export function bytesOf(seed: string, length: number): Buffer {
  const key = createHash("sha256").update(seed).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

export function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
