/** A client of Redis with one connection, which it opens again when it is lost. */
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import { encodeCommand, RedisError, type Reply, RespReader } from "./resp.ts";

/** The longest that a command may take, ms. */
const LIMIT_MS = 5000;

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

export class RedisClient {
  readonly #address: string;
  readonly #waiting: Waiting[] = [];
  #socket: Promise<Socket> | null = null;

  /** @param address `HOST:PORT`, or `dns://SERVER:PORT/NAME:PORT` for a name that this DNS server knows */
  constructor(address: string) {
    this.#address = address;
  }

  /** Runs a command. @throws RedisError that the server replied, or Error when it did not reply */
  async command(...words: readonly string[]): Promise<Reply> {
    this.#socket ??= this.#connect();
    let socket: Socket;
    try {
      socket = await this.#socket;
    } catch (error) {
      this.#socket = null;
      throw error;
    }
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiting.push({ resolve, reject });
    socket.write(encodeCommand(words));
    const reply = await promise;
    if (reply instanceof RedisError) throw reply;
    return reply;
  }

  close(): void {
    this.#socket?.then(
      (socket) => socket.destroy(),
      () => {},
    );
  }

  async #connect(): Promise<Socket> {
    const { host, port } = await resolveAddress(this.#address);
    const socket = connect({ host, port, timeout: LIMIT_MS });
    await once(socket, "connect");
    const reader = new RespReader();
    const fail = (error: Error) => {
      this.#socket = null;
      socket.destroy();
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    };
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("Redis closed the connection.")));
    // An idle connection times out as well, and may.
    socket.on("timeout", () => {
      if (this.#waiting.length > 0) fail(new Error(`Redis did not reply within ${LIMIT_MS} ms.`));
    });
    socket.on("data", (piece) => {
      try {
        for (const reply of reader.read(piece)) this.#waiting.shift()?.resolve(reply);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    return socket;
  }
}

/** Host and port of an address. A name is asked of the DNS server in the address, as gRPC does. */
async function resolveAddress(address: string): Promise<{ host: string; port: number }> {
  const [, server, host = "", port] = /^(?:dns:\/\/([^/]+)\/)?(.+):(\d+)$/.exec(address) ?? [];
  if (port === undefined) throw new Error(`"${address}" is no address.`);
  if (server === undefined || isIP(host) !== 0) return { host, port: Number(port) };
  const resolver = new Resolver();
  resolver.setServers([server]);
  const [found] = await resolver.resolve4(host);
  if (found === undefined) throw new Error(`${host} has no address.`);
  return { host: found, port: Number(port) };
}
