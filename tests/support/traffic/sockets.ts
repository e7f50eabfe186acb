/** Plain TCP for tests. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { StuckServer } from "./stuck-server.ts";

/** Starts a server for one test, by default on a free port of 127.0.0.1. */
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

export interface Client {
  readonly socket: Socket;
  /** All received bytes at the end. Rejects when the connection is reset. */
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
      // A reset can arrive before "connect". `received` rejects then.
      if (error.code === "ECONNRESET") resolve();
      else reject(error);
    });
  });
  return { socket, received };
}

/** Starts a {@link StuckServer} for one test. Returns its port. */
export async function silentPort(): Promise<number> {
  const server = await StuckServer.start();
  onTestFinished(() => server.close());
  return server.port;
}

/**
 * Counts the connections that this process opens from now on until the test ends, as long as they are open or opening.
 * Those of earlier tests may close at any time, and are not among them.
 */
export function countConnections(): () => number {
  const open = new Set<Socket>();
  const note = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  };
  subscribe("net.client.socket", note);
  onTestFinished(() => void unsubscribe("net.client.socket", note));
  return () => open.size;
}
