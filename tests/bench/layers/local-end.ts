/** A client's connection as a listener of a connector accepts it, and the client. */
import type { Server, Socket } from "node:net";
import { tcpListenerSocket } from "../../../connector/listeners/listener-socket.ts";
import { dialKernelEnd, type KernelEnd, writtenBytes } from "./kernel-end.ts";

export class LocalEnd {
  readonly socket: Socket;
  readonly #client: KernelEnd;

  private constructor(socket: Socket, client: KernelEnd) {
    this.socket = socket;
    this.#client = client;
  }

  static async open(): Promise<LocalEnd> {
    const accepted = Promise.withResolvers<Socket>();
    const listening = Promise.withResolvers<void>();
    const open = tcpListenerSocket(undefined, accepted.resolve);
    const server = open(
      { host: "127.0.0.1", port: 0 },
      { listening: listening.resolve, failed: listening.reject },
    );
    await listening.promise;
    const [socket, client] = await Promise.all([accepted.promise, dialKernelEnd(server as Server)]);
    server.close();
    return new LocalEnd(socket, client);
  }

  /** Bytes that the kernel has taken for the client. */
  get written(): number {
    return writtenBytes(this.socket);
  }

  /** The client sends bytes, which wait in the kernel. */
  send(bytes: Buffer): void {
    this.#client.write([bytes]);
  }

  /** The client reads everything. */
  read(): void {
    this.#client.read();
  }

  close(): void {
    this.socket.destroy();
    this.#client.close();
  }
}
