import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { IngressPolicy } from "../../../../connector/config/ingress.ts";
import {
  DoorWebSockets,
  MAX_OF_CLIENT,
  MAX_OF_HOSTNAME,
} from "../../../../connector/door/door-websockets.ts";
import { closePayload, maskedFrame, OPCODE } from "../../../../connector/door/websocket-frames.ts";
import type { TargetExchange } from "../../../../connector/http/client/target-exchange.ts";
import type { JoinedWebSocket } from "../../../../connector/http/client/upgrade.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { MemoryBudget } from "../../../../protocol/memory-budget.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { testRelay } from "../../../support/connector/test-relay.ts";

const HOSTNAME = "shop.example.com";

/** A target as the joint sees it. */
class TestTarget implements TargetExchange {
  readonly queue = new PassThrough();
  /** Frames that the joint sent, without their masks. */
  readonly frames: { readonly opcode: number; readonly payload: Buffer }[] = [];
  isStalled = false;
  isPaused = false;
  isCancelled = false;
  isEnded = false;
  #bytes = Buffer.alloc(0);

  content(bytes: Uint8Array): boolean {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (let taken = this.#take(); taken; taken = this.#take());
    return !this.isStalled;
  }
  #take(): boolean {
    const bytes = this.#bytes;
    if (bytes.length < 2) return false;
    const [first = 0, second = 0] = bytes;
    const short = second & 0x7f;
    const header = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < header + 4) return false;
    const length =
      short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
    const end = header + 4 + length;
    if (bytes.length < end) return false;
    const key = bytes.subarray(header, header + 4);
    // Only control frames are looked at.
    const payload = bytes.subarray(header + 4, length > 125 ? header + 4 : end);
    this.frames.push({
      opcode: first & 0x0f,
      payload: Buffer.from(payload.map((byte, at) => byte ^ (key[at % 4] ?? 0))),
    });
    this.#bytes = bytes.subarray(end);
    return true;
  }
  end(): void {
    this.isEnded = true;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  cancel(): void {
    this.isCancelled = true;
  }
  cork(): void {}
  uncork(): void {}
}

let edge: WebSocketServer | null = null;
afterEach(() => {
  for (const client of edge?.clients ?? []) client.terminate();
  edge?.close();
  edge = null;
});

interface Joined {
  readonly webSockets: DoorWebSockets;
  readonly ingress: IngressPolicy;
  readonly memory: MemoryBudget;
  readonly target: TestTarget;
  readonly joined: JoinedWebSocket;
  /** The edge's end. */
  readonly client: WebSocket;
  readonly closed: Promise<string>;
  /** Resolves with the code of the error that ended the WebSocket, or null. */
  readonly ended: Promise<string | null>;
}

/** A WebSocket between a test's edge and a test's target. */
async function join(): Promise<Joined> {
  edge = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(edge, "listening");
  const { port } = edge.address() as AddressInfo;
  const ingress = new IngressPolicy([{ name: "web", hostname: HOSTNAME, access: "open" }]);
  const memory = new MemoryBudget(64 * 1024 * 1024);
  const webSockets = new DoorWebSockets({
    ...{ ingress, memory },
    dial: async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
      await once(socket, "open");
      return socket;
    },
  });
  const target = new TestTarget();
  const { promise: ended, resolve } = Promise.withResolvers<string | null>();
  const flow = testRelay().start({ side: "target", service: "web" });
  const arrived = once(edge, "connection");
  const joined = webSockets.join({
    ...{ hostname: HOSTNAME, service: "web", ticket: "ticket", target, flow },
    signal: new AbortController().signal,
    ended: (error) => resolve(error?.code ?? null),
  });
  await joined.opened;
  const [client] = (await arrived) as [WebSocket];
  const closed = new Promise<string>((done) => {
    client.on("close", (code, reason) => done(`${code} ${reason}`.trim()));
  });
  return { webSockets, ingress, memory, target, joined, client, closed, ended };
}

/** A frame as a target sends it. */
function frame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]);
}

describe("a WebSocket between a door and a target", () => {
  it("stops the client while the target takes nothing, and counts what waits", async () => {
    const { target, joined, client, memory } = await join();
    target.isStalled = true;
    const message = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < 32; at++) client.send(message);
    await eventually("the first message arrives", async () => target.frames.length > 0 || null);
    await eventually("the rest waits at the client", async () => client.bufferedAmount > 8_000_000 || null);
    const { length } = target.frames;
    expect(length).toBeLessThan(8);
    expect(memory.used).toBe(length * message.length);
    target.isStalled = false;
    joined.events.drained();
    await eventually("the rest arrives", async () => target.frames.length === 32 || null);
    expect(memory.used).toBe(0);
  });

  it("stops the target while the client reads nothing", async () => {
    const { target, joined, client } = await join();
    client.pause();
    const piece = Buffer.concat([Buffer.from([0x82, 126, 0xff, 0xff]), Buffer.alloc(0xffff)]);
    let sent = 0;
    while (!target.isPaused && sent < 64 * 1024 * 1024) {
      joined.events.content(piece);
      sent += piece.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(target.isPaused).toBe(true);
    client.resume();
    await eventually("the target goes on", async () => !target.isPaused || null);
  });

  it("answers the pings of the target, and its close with the same code", async () => {
    const { target, joined, closed, ended } = await join();
    joined.events.content(frame(OPCODE.ping, Buffer.from("beat")));
    joined.events.content(frame(OPCODE.close, closePayload(4001, "done")));
    expect(await closed).toBe("4001 done");
    expect(await ended).toBeNull();
    expect(target.frames).toEqual([
      { opcode: OPCODE.pong, payload: Buffer.from("beat") },
      { opcode: OPCODE.close, payload: closePayload(4001, "done") },
    ]);
    expect(target.isEnded).toBe(true);
  });

  it("closes with 1002 where the target sends what is no frame", async () => {
    const { target, joined, closed, ended } = await join();
    joined.events.content(Buffer.concat(maskedFrame(OPCODE.text, Buffer.from("masked"))));
    expect(await closed).toBe("1002 exchange.bad_response");
    joined.events.end([]);
    expect(await ended).toBe("exchange.bad_response");
    expect(target.frames.map(({ opcode }) => opcode)).toEqual([OPCODE.close]);
  });

  it("ends without a close where the target or the client does", async () => {
    const first = await join();
    first.joined.events.failed(new FairleadError("exchange.failed"));
    expect(await first.closed).toBe("1006");
    expect(await first.ended).toBe("exchange.failed");
    const second = await join();
    second.client.terminate();
    await second.ended;
    expect(second.target.isCancelled).toBe(true);
    expect(second.target.frames).toEqual([]);
  });

  it("is closed with 1001 when its hostname leads elsewhere, and when the connector stops", async () => {
    const first = await join();
    first.webSockets.review();
    first.ingress.set([{ name: "web", hostname: HOSTNAME, access: "key" }]);
    first.webSockets.review();
    expect(await first.closed).toBe("1001");
    const second = await join();
    second.webSockets.forbid(["other"]);
    second.webSockets.drain();
    expect(await second.closed).toBe("1001");
    second.joined.events.end([]);
    await second.ended;
    expect(second.webSockets.count).toBe(0);
  });

  it("ends at once when the site is revoked", async () => {
    const { webSockets, target, closed, ended } = await join();
    webSockets.end(new FairleadError("session.revoked"));
    expect(await closed).toBe("1006");
    expect(await ended).toBe("session.revoked");
    expect(target.isCancelled).toBe(true);
  });
});

describe("the WebSockets of a hostname", () => {
  const make = () =>
    new DoorWebSockets({
      dial: () => Promise.reject(new FairleadError("lane.failed")),
      ingress: new IngressPolicy(),
      memory: new MemoryBudget(),
    });

  it("are limited by client and in all", () => {
    const webSockets = make();
    const releases = Array.from({ length: MAX_OF_CLIENT }, () => webSockets.admit(HOSTNAME, "10.0.0.1"));
    expect(() => webSockets.admit(HOSTNAME, "10.0.0.1")).toThrow("cannot accept another");
    releases[0]?.();
    releases[0]?.();
    webSockets.admit(HOSTNAME, "10.0.0.1");
    for (let at = MAX_OF_CLIENT; at < MAX_OF_HOSTNAME; at++) webSockets.admit(HOSTNAME, `client ${at}`);
    expect(() => webSockets.admit(HOSTNAME, "another")).toThrow("cannot accept another");
    expect(() => webSockets.admit("other.example.com", "another")).not.toThrow();
  });

  it("end with the target where the edge's end cannot be dialled", async () => {
    const webSockets = make();
    const target = new TestTarget();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const flow = testRelay().start({ side: "target", service: "web" });
    const { opened } = webSockets.join({
      ...{ hostname: HOSTNAME, service: "web", ticket: "", target, flow, ended: () => resolve() },
      signal: new AbortController().signal,
    });
    await expect(opened).rejects.toThrow("lane");
    await ended;
    expect([target.isCancelled, webSockets.count]).toEqual([true, 0]);
  });
});
