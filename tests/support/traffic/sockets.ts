/** Plain TCP for tests. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";

/** A server on a free port of 127.0.0.1 unless told otherwise; gone after the test. */
export async function tcpServer(
  onSocket: (socket: Socket) => void,
  at: { host?: string; port?: number } = {},
): Promise<{ server: Server; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(at.port ?? 0, at.host ?? "127.0.0.1", resolve);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** A port that nobody listens on at the moment. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Client {
  readonly socket: Socket;
  /** Everything received until the end; rejects when the connection is reset. */
  readonly received: Promise<string>;
}

export async function tcpClient(port: number, host = "127.0.0.1"): Promise<Client> {
  const socket = connect({ host, port, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  const received = new Promise<string>((resolve, reject) => {
    let text = "";
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
  received.catch(() => {});
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", (error: Error & { code?: string }) => {
      // A reset can overtake the news of the connection; `received` tells.
      if (error.code === "ECONNRESET") resolve();
      else reject(error);
    });
  });
  return { socket, received };
}

/** A port that takes no connection and refuses none: its backlog is full and its program is stuck. */
export async function silentPort(): Promise<number> {
  const worker = new Worker(STUCK, { eval: true });
  onTestFinished(() => void worker.terminate());
  const port = await new Promise<number>((resolve) => worker.once("message", resolve));
  for (let filler = 0; filler < 4; filler++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    onTestFinished(() => void socket.destroy());
  }
  return port;
}

/** Connections that this process has open or is opening. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === "TCPSocketWrap").length;
}

const STUCK = `
  const { parentPort } = require("node:worker_threads");
  const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;
