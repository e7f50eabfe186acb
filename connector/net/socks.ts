/**
 * The client's side of SOCKS5 (RFC 1928, with the login of RFC 1929) on a connected socket. Bytes after the
 * proxy's reply stay in the socket.
 */
import { once } from "node:events";
import { isIP, type Socket } from "node:net";
import ipaddr from "ipaddr.js";
import type { ProxyCredentials } from "./proxy.ts";

/** Why a SOCKS5 proxy opened no tunnel. */
export type SocksFailure =
  | { readonly kind: "no-socks" }
  | { readonly kind: "closed" }
  | { readonly kind: "login-needed" }
  | { readonly kind: "login-refused" }
  /** `reply` is the proxy's code (RFC 1928 §6). */
  | { readonly kind: "refused"; readonly reply: number };

const VERSION = 5;
const LOGIN_VERSION = 1;
const NO_LOGIN = 0;
const LOGIN = 2;
const NO_METHOD = 0xff;
const CONNECT = 1;
const SUCCEEDED = 0;
const IPV4 = 1;
const NAME = 3;
const IPV6 = 4;

/** Asks for a connection to `host`. Null once the socket is connected to it. */
export async function openSocks(
  socket: Socket,
  { host, port }: { readonly host: string; readonly port: number },
  credentials: ProxyCredentials | null,
): Promise<SocksFailure | null> {
  const methods = credentials === null ? [NO_LOGIN] : [NO_LOGIN, LOGIN];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const chosen = await take(socket, 2);
  if (chosen === null) return { kind: "closed" };
  if (chosen[0] !== VERSION) return { kind: "no-socks" };
  if (chosen[1] === LOGIN && credentials !== null) {
    const user = Buffer.from(credentials.user);
    const password = Buffer.from(credentials.password);
    socket.write(
      Buffer.concat([
        Buffer.from([LOGIN_VERSION, user.length]),
        user,
        Buffer.from([password.length]),
        password,
      ]),
    );
    const outcome = await take(socket, 2);
    // Some proxies close the connection instead of an answer.
    if (outcome === null || outcome[1] !== SUCCEEDED) return { kind: "login-refused" };
  } else if (chosen[1] === NO_METHOD) {
    return { kind: credentials === null ? "login-needed" : "login-refused" };
  } else if (chosen[1] !== NO_LOGIN) return { kind: "no-socks" };

  const asked = Buffer.from([port >> 8, port & 0xff]);
  socket.write(Buffer.concat([Buffer.from([VERSION, CONNECT, 0]), encodeHost(host), asked]));
  const head = await take(socket, 4);
  if (head === null) return { kind: "closed" };
  const [version, reply = 0, , type] = head;
  if (version !== VERSION) return { kind: "no-socks" };
  if (reply !== SUCCEEDED) return { kind: "refused", reply };
  return await skipAddress(socket, type);
}

/** Reads the address and the port from which the proxy connects. */
async function skipAddress(socket: Socket, type: number | undefined): Promise<SocksFailure | null> {
  let length = type === IPV4 ? 4 : type === IPV6 ? 16 : 0;
  if (type === NAME) {
    const size = await take(socket, 1);
    if (size === null) return { kind: "closed" };
    length = size[0] ?? 0;
  } else if (length === 0) return { kind: "no-socks" };
  return (await take(socket, length + 2)) === null ? { kind: "closed" } : null;
}

function encodeHost(host: string): Buffer {
  const family = isIP(host);
  if (family !== 0) return Buffer.from([family === 4 ? IPV4 : IPV6, ...ipaddr.parse(host).toByteArray()]);
  const name = Buffer.from(host);
  return Buffer.concat([Buffer.from([NAME, name.length]), name]);
}

/** The next `size` bytes; null when the proxy closes first. @throws the socket's error */
async function take(socket: Socket, size: number): Promise<Buffer | null> {
  for (;;) {
    const bytes = socket.read(size) as Buffer | null;
    if (bytes !== null) return bytes.length === size ? bytes : null;
    if (socket.readableEnded || socket.destroyed) return null;
    const waits = new AbortController();
    try {
      await Promise.race(
        ["readable", "end", "close"].map((event) => once(socket, event, { signal: waits.signal })),
      );
    } finally {
      waits.abort();
    }
  }
}
