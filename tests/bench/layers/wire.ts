/** Connections between the two ends of a session: held in the process, or through the kernel. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import { LANE_SOCKET_OPTIONS } from "../../../connector/net/lane-socket.ts";
import { dialWebSocket } from "../../../connector/net/websocket.ts";
import type { Certificates } from "../../support/authority/server-certificates.ts";
import type { Held } from "./held.ts";
import { HeldEnd } from "./held-pipe.ts";
import { type KernelEnd, listenKernelEnd, writtenBytes } from "./kernel-end.ts";
import { turnUntil } from "./loop.ts";

const HOST = "127.0.0.1";
const DIAL_MS = 60_000;

/** Both directions of a wire, and how to close it. */
export interface Wire {
  readonly out: Held;
  readonly back: Held;
  close(): void;
}

/** Runs both directions of a wire until a promise has settled. */
export async function flowing<T>({ out, back }: Pick<Wire, "out" | "back">, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  await turnUntil(
    () => isSettled,
    () => {
      out.pass();
      back.pass();
    },
  );
  return await promise;
}

/** The far end of a TCP connection, whose bytes go to a Duplex in place of a socket of Node. */
class KernelWire implements Wire {
  readonly #kernel: KernelEnd;
  readonly #inner: HeldEnd;
  /** What a server takes as its connection. */
  readonly connection: Duplex;
  readonly out: Held;
  readonly back: Held;

  /** @param sent bytes that the near end has written */
  constructor(kernel: KernelEnd, sent: () => number) {
    this.#kernel = kernel;
    const [inner, outer] = HeldEnd.pair();
    this.#inner = inner;
    this.connection = outer;
    this.out = {
      get sent() {
        return sent();
      },
      pass: () => {
        for (const chunk of kernel.read()) inner.write(chunk);
        inner.pass();
      },
    };
    this.back = {
      get sent() {
        return outer.sent;
      },
      pass: () => kernel.write(outer.takeHeld()),
    };
  }

  close(): void {
    this.#inner.destroy();
    this.connection.destroy();
    this.#kernel.close();
  }
}

/** TLS through the kernel, as under a lane, and its far end. */
export async function openTlsWire(
  certificates: Certificates,
): Promise<{ near: TLSSocket; far: TLSSocket; wire: Wire }> {
  const { port, connected } = await listenKernelEnd();
  const near = connectTls({ host: HOST, port, ca: certificates.ca, minVersion: "TLSv1.3" });
  const wire = new KernelWire(await connected, () => writtenBytes(near));
  const server = createTlsServer({ cert: certificates.certificate, key: certificates.key });
  server.emit("connection", wire.connection);
  const ready = Promise.all([once(server, "secureConnection"), once(near, "secureConnect")]);
  const [[far]] = await flowing(wire, ready);
  near.setNoDelay();
  return { near, far: far as TLSSocket, wire };
}

/** A WebSocket as the lane of a connector, and its far end. */
export interface SocketPair {
  readonly near: WebSocket;
  readonly far: WebSocket;
  readonly wire: Wire;
}

/** The WebSocket of a lane through TLS and the kernel. */
export async function openSocketWire({ ca, certificate, key }: Certificates): Promise<SocketPair> {
  const { port, connected } = await listenKernelEnd();
  let near: WebSocket | null = null;
  const dialled = dialWebSocket({
    url: `wss://${HOST}:${port}/`,
    ca,
    headers: {},
    fallback: "lane.failed",
    timeoutMs: DIAL_MS,
    webSocket: LANE_SOCKET_OPTIONS,
  });
  const wire = new KernelWire(await connected, () => (near === null ? 0 : writtenBytes(connectionOf(near))));
  const server = createHttpsServer({ cert: certificate, key });
  const accepted = once(new WebSocketServer({ server, perMessageDeflate: false }), "connection");
  server.emit("connection", wire.connection);
  const [socket, [far]] = await flowing(wire, Promise.all([dialled, accepted]));
  near = socket;
  return { near, far: far as WebSocket, wire };
}

/** The WebSocket of a lane over a Duplex that holds the bytes. */
export async function openHeldSocket(): Promise<SocketPair> {
  const [left, right] = HeldEnd.pair();
  const wire: Wire = {
    out: left,
    back: right,
    close() {
      left.destroy();
      right.destroy();
    },
  };
  const server = createHttpServer();
  const accepted = once(new WebSocketServer({ server, perMessageDeflate: false }), "connection");
  server.emit("connection", right);
  const near = new WebSocket("ws://bench/", {
    ...LANE_SOCKET_OPTIONS,
    createConnection: () => left as never,
  });
  const opened = once(near, "open").then(() => near.pause());
  const [, [far]] = await flowing(wire, Promise.all([opened, accepted]));
  return { near, far: far as WebSocket, wire };
}

/** The connection under a WebSocket, which `ws` (8.23) keeps in a field without a public name. */
function connectionOf(socket: WebSocket): TLSSocket {
  return (socket as unknown as { _socket: TLSSocket })._socket;
}
