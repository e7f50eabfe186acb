/** A CONNECT proxy that records its requests, and can delay or refuse them. */
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";

export interface ConnectProxy {
  readonly url: string;
  /** `HOST:PORT` of every CONNECT so far. */
  readonly connects: string[];
  /** Every other request. */
  readonly others: string[];
  close(): Promise<void>;
}

/**
 * Starts a proxy.
 * @param resolve addresses of hosts that the proxy alone resolves
 * @param status status with which every CONNECT is refused
 * @param delayMs delay in each direction, ms; CONNECT takes a round trip, as a dial without a proxy does
 */
export async function startProxy({
  resolve = {},
  status,
  delayMs = 0,
}: {
  readonly resolve?: Readonly<Record<string, string>>;
  readonly status?: number;
  readonly delayMs?: number;
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
      const answer = () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        upstream.write(head);
        if (delayMs > 0) {
          passLate(upstream, client as Socket, delayMs);
          passLate(client as Socket, upstream, delayMs);
        } else upstream.pipe(client).pipe(upstream);
      };
      if (delayMs > 0) setTimeout(answer, 2 * delayMs);
      else answer();
    });
    upstream.once("error", () => client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"));
    client.once("close", () => setTimeout(() => upstream.destroy(), delayMs));
    upstream.once("close", () => setTimeout(() => client.destroy(), delayMs));
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

/** Forwards bytes in order, `delayMs` later. Timers of one length keep their order. */
function passLate(from: Socket, to: Socket, delayMs: number): void {
  from.on("data", (chunk: Buffer) => {
    setTimeout(() => {
      if (!to.destroyed) to.write(chunk);
    }, delayMs);
  });
  from.on("end", () => setTimeout(() => to.end(), delayMs));
}
