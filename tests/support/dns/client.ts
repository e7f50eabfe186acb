/** DNS clients of tests, over UDP and TCP. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { DecodedPacket } from "dns-packet";
import { queryFor, read } from "./messages.ts";

export interface ServerAddress {
  readonly host?: string;
  readonly port: number;
}

/** Sends messages from one UDP socket, and resolves with the first `count` answers. */
export async function overUdp(
  { host = "127.0.0.1", port }: ServerAddress,
  messages: readonly Uint8Array[],
  count = messages.length,
): Promise<Buffer[]> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const answers: Buffer[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (bytes) => {
        answers.push(bytes);
        if (answers.length === count) resolve();
      });
      socket.connect(port, host, () => {
        for (const message of messages) socket.send(message);
      });
    });
    return answers;
  } finally {
    socket.close();
  }
}

/** Asks over UDP until an answer comes: a busy machine may lose a packet. */
export async function ask(
  server: ServerAddress,
  name: string,
  type = "A",
  more = {},
): Promise<DecodedPacket> {
  for (;;) {
    const asked = overUdp(server, [queryFor(name, type, more)], 1);
    const answer = await Promise.race([
      asked,
      new Promise<null>((resolve) => setTimeout(resolve, 2000, null)),
    ]);
    if (answer?.[0] !== undefined) return read(answer[0]);
    asked.catch(() => {});
  }
}

/** The message behind its length. */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(message.length + 2);
  bytes.writeUInt16BE(message.length);
  bytes.set(message, 2);
  return bytes;
}

/** A connection to a DNS server, and the messages that came back on it. */
export class TcpQueries {
  readonly socket: Socket;
  readonly answers: Buffer[] = [];
  #rest = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      while (this.#rest.length >= 2 && this.#rest.length >= 2 + this.#rest.readUInt16BE()) {
        const end = 2 + this.#rest.readUInt16BE();
        this.answers.push(this.#rest.subarray(2, end));
        this.#rest = this.#rest.subarray(end);
        socket.emit("answer");
      }
    });
  }

  static async open({ host = "127.0.0.1", port }: ServerAddress): Promise<TcpQueries> {
    const socket = connect({ host, port, allowHalfOpen: true });
    const queries = new TcpQueries(socket);
    await once(socket, "connect");
    return queries;
  }

  send(...messages: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(messages.map(framed)));
  }

  /** Resolves with the first `count` answers. */
  async received(count: number): Promise<Buffer[]> {
    while (this.answers.length < count) await once(this.socket, "answer");
    return this.answers.slice(0, count);
  }

  /** Resolves when the server has ended the connection. */
  async closed(): Promise<void> {
    const { socket } = this;
    if (!socket.closed && !socket.readableEnded) {
      await new Promise<void>((resolve) => {
        socket.once("end", () => resolve());
        socket.once("close", () => resolve());
      });
    }
    socket.destroy();
  }
}
