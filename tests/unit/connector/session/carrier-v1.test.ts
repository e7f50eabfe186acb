import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { LANE_SOCKET_OPTIONS } from "../../../../connector/net/lane-socket.ts";
import { CarrierV1 } from "../../../../connector/session/carrier-v1.ts";
import { LaneHandshake } from "../../../../connector/session/lane-handshake.ts";
import { encodePreface } from "../../../../protocol/carrier/index.ts";
import { closeCodeFor } from "../../../../protocol/uplink/messages.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { codeOf, until } from "../../../support/connector/session-stand.ts";

const session = randomId("session");
const [ours, theirs] = [randomId("boot"), randomId("boot")];
const site = randomId("site");
const preface = { carrier: { min: 1, max: 1 }, session, generation: 3, site, boot: theirs };

let server: WebSocketServer;
/** The peer's end of the lane. */
let far: WebSocket;
const carriers: CarrierV1[] = [];

beforeEach(async () => {
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
});

afterEach(async () => {
  for (const carrier of carriers.splice(0)) carrier.destroy();
  for (const client of server.clients) client.terminate();
  server.close();
  await once(server, "close");
});

/** Opens a lane whose peer is a bare socket of the test. */
async function dial(timeoutMs = 60_000): Promise<LaneHandshake> {
  const { port } = server.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, LANE_SOCKET_OPTIONS);
  const connected = once(server, "connection");
  const handshake = LaneHandshake.overSocket(socket, {
    expected: { session, generation: 3, site, boot: theirs },
    preface: () => ({ ...preface, boot: ours }),
    timeoutMs,
  });
  [far] = (await connected) as [WebSocket];
  return handshake;
}

async function open(): Promise<CarrierV1> {
  const handshake = await dial();
  far.send(encodePreface(preface));
  await handshake.done;
  const carrier = new CarrierV1(handshake);
  carriers.push(carrier);
  return carrier;
}

describe("LaneHandshake", () => {
  it("sends its preface first, and hands over the lane once the peer's preface has arrived", async () => {
    const handshake = await dial();
    const [text, binary] = (await once(far, "message")) as [Buffer, boolean];
    expect(binary).toBe(false);
    expect(JSON.parse(text.toString())).toEqual({ ...preface, boot: ours });
    far.send(encodePreface(preface));
    far.send(Buffer.from("first bytes"));
    expect(await handshake.done).toMatchObject({ version: 1, preface });
    const carrier = new CarrierV1(handshake);
    carriers.push(carrier);
    const [data] = (await once(carrier, "data")) as [Buffer];
    expect(data.toString()).toBe("first bytes");
  });

  it.each([
    ["of another session", encodePreface({ ...preface, session: randomId("session") }), "session.wrong_peer"],
    ["of another generation", encodePreface({ ...preface, generation: 4 }), "session.wrong_peer"],
    ["of another instance", encodePreface({ ...preface, boot: ours }), "session.wrong_peer"],
    ["of another site", encodePreface({ ...preface, site: randomId("site") }), "session.wrong_peer"],
    [
      "of a later version only",
      encodePreface({ ...preface, carrier: { min: 2, max: 3 } }),
      "session.version",
    ],
    ["that is not JSON", "hello", "session.malformed"],
    ["that is too long", " ".repeat(5000), "session.too_large"],
    [
      "in whose place the edge sends an error",
      JSON.stringify({ type: "error", error: { code: "lane.unmet", message: "nobody came" } }),
      "lane.unmet",
    ],
  ])("closes the lane on both sides for a preface %s", async (_, text, code) => {
    const handshake = await dial();
    const closed = once(far, "close");
    far.send(text);
    expect(await codeOf(handshake.done)).toBe(code);
    expect(String((await closed)[1])).toBe(code);
  });

  it("throws session.timeout when the peer sends no preface in time", async () => {
    const handshake = await dial(50);
    expect(await codeOf(handshake.done)).toBe("session.timeout");
  });

  it("refuses bytes before the preface", async () => {
    const handshake = await dial();
    far.send(Buffer.from("bytes"));
    expect(await codeOf(handshake.done)).toBe("session.malformed");
  });
});

describe("CarrierV1", () => {
  it("splits writes into messages of at most 64 KiB, and joins the small writes of one turn", async () => {
    const carrier = await open();
    const sizes: number[] = [];
    far.on("message", (data: Buffer, binary) => binary && sizes.push(data.length));
    carrier.cork();
    for (let at = 0; at < 100; at++) carrier.write(Buffer.alloc(100));
    carrier.uncork();
    carrier.write(Buffer.alloc(150_000));
    await until(() => sizes.reduce((sum, size) => sum + size, 0) === 160_000);
    expect(sizes).toEqual([10_000, 65_536, 65_536, 18_928]);
  });

  it("masks with zeros and does not compress", async () => {
    const carrier = await open();
    const wire: Buffer[] = [];
    const { _socket: socket } = far as unknown as { _socket: NodeJS.EventEmitter };
    socket.on("data", (data: Buffer) => wire.push(data));
    carrier.write(Buffer.alloc(1000, "a"));
    await until(() => Buffer.concat(wire).at(-1) === 97);
    // A final binary frame without extension bits, a 16-bit length with the mask bit, the zero key, the
    // bytes.
    const [head, length, , , ...rest] = Buffer.concat(wire).subarray(-1008);
    expect([head, length]).toEqual([0x82, 0xfe]);
    expect(rest.slice(0, 5)).toEqual([0, 0, 0, 0, 97]);
  });

  it("sends a message of several pieces as one frame, whatever its size", async () => {
    const lane = (await dial()).lane;
    const sizes: number[] = [];
    const got: Buffer[] = [];
    far.on("message", (data: Buffer, binary) => {
      if (!binary) return;
      sizes.push(data.length);
      got.push(data);
    });
    await once(far, "message");
    const pieces = (...lengths: number[]) => lengths.map((length, at) => Buffer.alloc(length, at + 1));
    const messages = [pieces(10, 50), pieces(10, 3000, 1086), pieces(10, 20_000, 30_000), pieces(10, 65_526)];
    for (const message of messages) lane.send(message);
    lane.send([Buffer.from("one")]);
    await until(() => sizes.length === 5);
    expect(sizes).toEqual([60, 4096, 50_010, 65_536, 3]);
    expect(Buffer.concat(got.slice(0, 4)).equals(Buffer.concat(messages.flat()))).toBe(true);
    lane.terminate();
  });

  it("stops its writer when the peer does not read", async () => {
    const carrier = await open();
    far.pause();
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const write = (): void => {
      do written += chunk.length;
      while (carrier.write(chunk) && written < 64 * 1024 * 1024);
    };
    carrier.on("drain", write);
    write();
    await new Promise((resolve) => setTimeout(resolve, 200));
    // The kernel's buffers on loopback, and the buffers of both ends.
    expect(written).toBeLessThan(32 * 1024 * 1024);
    carrier.off("drain", write);
    const drained = once(carrier, "drain");
    far.resume();
    await drained;
  });

  it("stops the peer when it is not read", async () => {
    const carrier = await open();
    const chunk = Buffer.alloc(64 * 1024);
    for (let at = 0; at < 300; at++) far.send(chunk);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(carrier.readableLength).toBeLessThan(1024 * 1024);
    let got = 0;
    carrier.on("data", (data: Buffer) => {
      got += data.length;
    });
    await until(() => got === 300 * chunk.length);
  });

  it("ends after the last byte when the peer closes with code 1000", async () => {
    const carrier = await open();
    far.send(Buffer.from("last"));
    far.close(1000);
    const [data] = (await once(carrier, "data")) as [Buffer];
    expect(data.toString()).toBe("last");
    await once(carrier, "end");
    expect(carrier.failure).toBeNull();
  });

  it.each([
    ["with an error's code", () => far.close(closeCodeFor(403), "session.revoked"), "session.revoked"],
    ["with an unknown code", () => far.close(4999, "what.ever"), "session.lost"],
    ["without a close frame", () => far.terminate(), "session.lost"],
    ["after a message that is too large", () => far.send(Buffer.alloc(65_537)), "session.too_large"],
    ["after a text message", () => far.send("text"), "session.malformed"],
    ["after an empty message", () => far.send(Buffer.alloc(0)), "session.malformed"],
  ])("fails when the lane ends %s", async (_, end, code) => {
    const carrier = await open();
    carrier.resume();
    const failed = once(carrier, "error");
    end();
    expect((await failed)[0]).toMatchObject({ code });
    expect(carrier.failure?.code).toBe(code);
  });

  it("closes its lane with code 1000 when it is ended, and with an error's code when it is aborted", async () => {
    let carrier = await open();
    let closed = once(far, "close");
    carrier.end("bye");
    expect((await closed)[0]).toBe(1000);
    carrier = await open();
    closed = once(far, "close");
    carrier.destroy();
    expect((await closed)[0]).toBe(1000);
  });
});
