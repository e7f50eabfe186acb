/** A SOCKS5 proxy (RFC 1928, RFC 1929) that records what it is asked for. It is strict about every byte. */
import { connect, createServer, type Socket } from "node:net";
import ipaddr from "ipaddr.js";

export interface SocksProxy {
  readonly port: number;
  /** `HOST:PORT` of every request, in which a name was not resolved by the client. */
  readonly requests: string[];
  close(): Promise<void>;
}

export interface SocksProxyOptions {
  /** Addresses of names that the proxy alone resolves. */
  readonly resolve?: Readonly<Record<string, string>>;
  /** `USER:PASSWORD` that it asks for. */
  readonly login?: string;
  /** Code with which every request is refused. */
  readonly reply?: number;
}

export async function startSocksProxy(options: SocksProxyOptions = {}): Promise<SocksProxy> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    void serve(track(client), options, requests, track).catch(() => client.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function serve(
  client: Socket,
  { resolve = {}, login, reply = 0 }: SocksProxyOptions,
  requests: string[],
  track: (socket: Socket) => Socket,
): Promise<void> {
  const methods = await bytes(client, (await header(client, 5)) as number);
  const method = login === undefined ? 0 : 2;
  if (!methods.includes(method)) return void client.end(Buffer.from([5, 0xff]));
  client.write(Buffer.from([5, method]));
  if (login !== undefined) {
    const user = await bytes(client, await header(client, 1));
    const password = await bytes(client, (await bytes(client, 1))[0] ?? 0);
    const isRight = `${user}:${password}` === login;
    client.write(Buffer.from([1, isRight ? 0 : 1]));
    if (!isRight) return void client.end();
  }
  const [version, command, reserved, type] = await bytes(client, 4);
  if (version !== 5 || command !== 1 || reserved !== 0) throw new Error("no CONNECT of SOCKS5");
  const host =
    type === 3
      ? (await bytes(client, (await bytes(client, 1))[0] ?? 0)).toString()
      : ipaddr.fromByteArray([...(await bytes(client, type === 4 ? 16 : 4))]).toString();
  const port = (await bytes(client, 2)).readUInt16BE();
  requests.push(`${host}:${port}`);
  const answer = (code: number) => Buffer.from([5, code, 0, 1, 127, 0, 0, 1, 0, 0]);
  if (reply !== 0) return void client.end(answer(reply));
  const upstream = track(connect(port, resolve[host] ?? host));
  upstream.once("error", () => client.end(answer(5)));
  upstream.once("connect", () => {
    client.write(answer(0));
    upstream.pipe(client).pipe(upstream);
    client.once("close", () => upstream.destroy());
    upstream.once("close", () => client.destroy());
  });
}

/** The second byte of a message that begins with `version`. */
async function header(client: Socket, version: number): Promise<number> {
  const [first, second = 0] = await bytes(client, 2);
  if (first !== version) throw new Error("another version");
  return second;
}

/** The next bytes, exactly as many. */
async function bytes(client: Socket, size: number): Promise<Buffer> {
  if (size === 0) return Buffer.alloc(0);
  for (;;) {
    const read = client.read(size) as Buffer | null;
    if (read !== null && read.length === size) return read;
    if (read !== null || client.readableEnded || client.destroyed) throw new Error("closed early");
    await new Promise<void>((resolve) => {
      client.once("readable", resolve);
      client.once("close", resolve);
    });
  }
}
