/** A CONNECT proxy that writes down what it was asked for. */
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";

export interface ConnectProxy {
  readonly url: string;
  /** `HOST:PORT` of every CONNECT so far. */
  readonly connects: string[];
  /** Everything else it was asked for. */
  readonly others: string[];
  close(): Promise<void>;
}

/**
 * @param resolve where the proxy finds a host that only it knows
 * @param status with what to refuse every CONNECT
 */
export async function startProxy({
  resolve = {},
  status,
}: {
  readonly resolve?: Readonly<Record<string, string>>;
  readonly status?: number;
} = {}): Promise<ConnectProxy> {
  const connects: string[] = [];
  const others: string[] = [];
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((request, response) => {
    others.push(`${request.method} ${request.url}`);
    response.writeHead(405).end();
  });
  server.on("connection", track);
  server.on("connect", (request, client, head) => {
    connects.push(request.url ?? "");
    if (status !== undefined) {
      client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const upstream = track(connect(Number(port), resolve[hostname] ?? hostname));
    upstream.once("connect", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.once("error", () => client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"));
    client.once("close", () => upstream.destroy());
    upstream.once("close", () => client.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    connects,
    others,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
