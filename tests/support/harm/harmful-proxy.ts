/**
 * A CONNECT proxy between a connector and the edge that does harm: it can stop forwarding, cut tunnels, or make every
 * tunnel a bad path. With a proxy of its own, a connector opens its uplink first and lanes later.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Badness, BadPath } from "./bad-path.ts";

/** Unsent bytes of one direction at which its source is paused. */
const BUFFER = 1024 * 1024;

/** Forwards the bytes of one direction. */
class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  #path: BadPath | null = null;
  bytes = 0;
  #frozen = false;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on("data", (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (this.#path === null) this.#write(chunk);
      else this.#path.send(chunk);
      this.#pace();
    });
    from.on("end", () => (this.#path ? this.#path.end() : to.end()));
    to.on("drain", () => this.#pace());
  }

  set frozen(frozen: boolean) {
    this.#frozen = frozen;
    this.#pace();
  }

  /** Makes the path bad for the rest of its life. */
  spoil(badness: Badness): void {
    this.#path ??= new BadPath(badness, {
      deliver: (chunk) => this.#write(chunk),
      ended: () => this.#to.end(),
      room: () => this.#pace(),
    });
  }

  #write(chunk: Buffer): void {
    if (!this.#to.destroyed) this.#to.write(chunk);
  }

  #pace(): void {
    const full = this.#to.writableLength > BUFFER || (this.#path?.waiting ?? 0) > BUFFER;
    if (this.#frozen || full) this.#from.pause();
    else this.#from.resume();
  }
}

export class Tunnel {
  /** `HOST:PORT` */
  readonly to: string;
  readonly #up: Flow;
  readonly #down: Flow;
  readonly #sockets: readonly Socket[];
  open = true;

  constructor(to: string, client: Socket, server: Socket) {
    this.to = to;
    this.#sockets = [client, server];
    this.#up = new Flow(client, server);
    this.#down = new Flow(server, client);
    for (const socket of this.#sockets) {
      socket.on("error", () => this.cut());
      socket.on("close", () => {
        // Bytes in flight still arrive, unless the tunnel is cut.
        if (!this.open) return;
        this.open = false;
        for (const each of this.#sockets) if (each !== socket) each.end();
      });
    }
  }

  /** Bytes forwarded in both directions. */
  get bytes(): number {
    return this.#up.bytes + this.#down.bytes;
  }

  /** Stops forwarding and keeps both connections open, as a black hole does. */
  freeze(direction: "both" | "up" | "down" = "both"): void {
    if (direction !== "down") this.#up.frozen = true;
    if (direction !== "up") this.#down.frozen = true;
  }

  thaw(): void {
    this.#up.frozen = false;
    this.#down.frozen = false;
  }

  spoil(badness: Badness): void {
    this.#up.spoil(badness);
    this.#down.spoil(badness);
  }

  cut(): void {
    this.open = false;
    for (const socket of this.#sockets) socket.destroy();
  }
}

export class HarmfulProxy {
  readonly #server = createServer((_, response) => response.writeHead(405).end());
  readonly #sockets = new Set<Duplex>();
  /** Every tunnel so far, oldest first. */
  readonly tunnels: Tunnel[] = [];
  /** Badness of new tunnels, or null. */
  #badness: Badness | null = null;
  /** Ports of this machine to which tunnels lead, by requested `HOST:PORT`. */
  readonly detours = new Map<string, number>();

  static async start(): Promise<HarmfulProxy> {
    const proxy = new HarmfulProxy();
    proxy.#server.on("connection", (socket) => proxy.#track(socket));
    proxy.#server.on("connect", (request, client, head) => {
      void proxy.#connect(request.url ?? "", client as Socket, head);
    });
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get env(): Record<string, string> {
    return { HTTPS_PROXY: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}` };
  }

  /** Makes every present and later tunnel a bad path. */
  spoil(badness: Badness): void {
    this.#badness = badness;
    for (const tunnel of this.tunnels) tunnel.spoil(badness);
  }

  /** Returns the open tunnels to an address. */
  open(url: string): Tunnel[] {
    const { host } = new URL(url);
    return this.tunnels.filter((tunnel) => tunnel.open && tunnel.to === host);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((closed) => this.#server.close(closed));
  }

  async #connect(to: string, client: Socket, head: Buffer): Promise<void> {
    const { hostname, port } = new URL(`http://${to}`);
    const server = connect({
      host: hostname,
      port: this.detours.get(to) ?? Number(port),
      allowHalfOpen: true,
    });
    this.#track(server);
    try {
      await once(server, "connect");
    } catch {
      client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
      return;
    }
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length > 0) client.unshift(head);
    const tunnel = new Tunnel(to, client, server);
    if (this.#badness) tunnel.spoil(this.#badness);
    this.tunnels.push(tunnel);
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }
}
