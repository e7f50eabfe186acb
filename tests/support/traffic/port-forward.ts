/** Forwards the connections of one address to another, as a forwarded port or a changed DNS record does. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Place } from "./servers.ts";

export class PortForward {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(to: Place) {
    this.#server = createServer((client) => {
      const target = connect(to.port, to.host);
      this.#track(client, target);
      this.#track(target, client);
      client.pipe(target).pipe(client);
    });
  }

  static async open(from: Place, to: Place): Promise<PortForward> {
    const forward = new PortForward(to);
    forward.#server.listen(from.port, from.host);
    await once(forward.#server, "listening");
    return forward;
  }

  /** Stops listening, and cuts every connection. Can be called twice. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends the other end with a socket. */
  #track(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }
}
