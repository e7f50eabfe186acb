import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { LANE_SOCKET_OPTIONS } from "../../../../connector/net/lane-socket.ts";
import { takeConnection } from "../../../../connector/session/websocket-connection.ts";
import { WebSocketLane } from "../../../../connector/session/websocket-lane.ts";
import { MAX_LANE_MESSAGE } from "../../../../protocol/carrier/index.ts";
import { FRAME, serverFrame } from "./server-frames.ts";

let server: WebSocketServer;

beforeEach(async () => {
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
});

afterEach(async () => {
  for (const client of server.clients) client.terminate();
  server.close();
  await once(server, "close");
});

const connectionOf = (socket: WebSocket): Socket => (socket as unknown as { _socket: Socket })._socket;

/** Opens a WebSocket, paused as a dial leaves it, and returns it with its peer. */
async function dial(): Promise<{ socket: WebSocket; far: WebSocket }> {
  const { port } = server.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, LANE_SOCKET_OPTIONS);
  socket.once("open", () => socket.pause());
  const [[far]] = await Promise.all([once(server, "connection"), once(socket, "open")]);
  return { socket, far: far as WebSocket };
}

/** A lane over a socket, and what it received. */
function laneOver(socket: WebSocket) {
  const received: string[] = [];
  const done = Promise.withResolvers<string | null>();
  const lane = new WebSocketLane(socket, {
    opened: () => received.push("opened"),
    text: (message) => received.push(`text ${message}`),
    bytes: (message) => received.push(`bytes ${message}`),
    drained: () => received.push("drained"),
    closed: (error) => done.resolve(error?.code ?? null),
  });
  return { lane, received, closed: done.promise };
}

const message = serverFrame(FRAME.binary, "message");

describe("takeConnection", () => {
  it("takes the connection from the version of `ws` that is installed", async () => {
    const { socket } = await dial();
    expect(takeConnection(socket, () => {})?.connection).toBe(connectionOf(socket));
    expect(connectionOf(socket).listenerCount("data")).toBe(1);
  });
});

describe("WebSocketLane", () => {
  it("receives texts, messages and pings in their order, and answers the pings", async () => {
    const { socket, far } = await dial();
    const { received, closed } = laneOver(socket);
    const pong = once(far, "pong");
    far.send("preface");
    far.send(Buffer.from("one"));
    far.ping("ping");
    far.send(Buffer.from("two"));
    far.close(1000);
    expect(String((await pong)[0])).toBe("ping");
    expect(await closed).toBeNull();
    expect(received).toEqual(["opened", "text preface", "bytes one", "bytes two"]);
  });

  it("receives a message in fragments, and what follows it", async () => {
    const { socket, far } = await dial();
    const { received, closed } = laneOver(socket);
    far.send(Buffer.from("first"));
    far.send(Buffer.from("in "), { fin: false });
    far.send(Buffer.from("fragments"), { fin: true });
    far.send(Buffer.from("last"));
    far.close(1000);
    expect(await closed).toBeNull();
    expect(received).toEqual(["opened", "bytes first", "bytes in fragments", "bytes last"]);
  });

  it.each([
    ["a masked frame", Buffer.from([0x82, 0x80, 0, 0, 0, 0]), "session.malformed"],
    ["a reserved bit", Buffer.from([0xc2, 0]), "session.malformed"],
    ["a text that is no UTF-8", serverFrame(FRAME.text, Buffer.from([0xff])), "session.malformed"],
    [
      "a close with a code that is not sent",
      serverFrame(FRAME.close, Buffer.from([3, 237])),
      "session.malformed",
    ],
    [
      "a message that is too long",
      serverFrame(FRAME.binary, Buffer.alloc(MAX_LANE_MESSAGE + 1)),
      "session.too_large",
    ],
    ["fragments that are too long together", fragments(MAX_LANE_MESSAGE + 1), "session.too_large"],
  ])("ends with the error's code after %s", async (_, bytes, code) => {
    const { socket, far } = await dial();
    const { received, closed } = laneOver(socket);
    connectionOf(far).write(Buffer.concat([message, bytes]));
    expect(await closed).toBe(code);
    expect(received).toEqual(["opened", "bytes message"]);
  });

  it("closes although it was paused, and receives what came before the peer's close", async () => {
    const { socket, far } = await dial();
    const { lane, received, closed } = laneOver(socket);
    await new Promise((resolve) => setImmediate(resolve));
    lane.pause();
    connectionOf(far).write(Buffer.concat([message, message.subarray(0, 3)]));
    connectionOf(far).write(message.subarray(3));
    const peer = once(far, "close");
    lane.close();
    expect((await peer)[0]).toBe(1000);
    expect(await closed).toBeNull();
    expect(received).toEqual(["opened", "bytes message", "bytes message"]);
  });

  it("receives what a connection had read before it failed while paused, and is lost", async () => {
    const { socket } = await dial();
    const { lane, received, closed } = laneOver(socket);
    await new Promise((resolve) => setImmediate(resolve));
    const connection = connectionOf(socket);
    connection.emit("data", message.subarray(0, 5));
    lane.pause();
    connection.push(Buffer.concat([message.subarray(5), message]));
    connection.destroy(new Error("ECONNRESET"));
    expect(await closed).toBe("session.lost");
    expect(received).toEqual(["opened", "bytes message", "bytes message"]);
  });

  it("leaves messages to `ws` when it does not let go of its connection", async () => {
    const { socket, far } = await dial();
    connectionOf(socket).on("data", () => {});
    const { lane, received, closed } = laneOver(socket);
    const answer = once(far, "message");
    far.send(Buffer.from("question"));
    expect(lane.send([Buffer.from("an"), Buffer.from("swer")])).toBe(true);
    expect(String((await answer)[0])).toBe("answer");
    far.close(1000);
    expect(await closed).toBeNull();
    expect(received).toEqual(["opened", "bytes question"]);
  });
});

/** A binary message of two fragments. */
function fragments(length: number): Buffer {
  const half = Math.floor(length / 2);
  return Buffer.concat([
    serverFrame(0x02, Buffer.alloc(half)),
    serverFrame(0x80, Buffer.alloc(length - half)),
  ]);
}
