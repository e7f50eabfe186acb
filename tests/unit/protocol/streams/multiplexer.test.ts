import { describe, expect, it } from "vitest";
import { FairleadError } from "../../../../protocol/errors.ts";
import {
  encodeAccept,
  encodeCredit,
  encodeData,
  encodeFin,
  encodeFrame,
  encodeGoaway,
  encodeHello,
  encodeOpen,
  encodeReset,
  FRAME,
  MAX_CREDIT,
} from "../../../../protocol/streams/frames.ts";
import { QUANTUM_BYTES, SEND_BUFFER } from "../../../../protocol/streams/stream.ts";
import { connectedEnd, End, framesOf, HELLO, random, settle, User } from "./multiplexer-pair.ts";

const names = Object.fromEntries(Object.entries(FRAME).map(([name, type]) => [type, name]));
const sentBy = (end: End) => {
  end.turn();
  return framesOf(end.take()).map(({ type, stream }) => `${names[type]} ${stream}`);
};
const goawayOf = (end: End) => {
  const goaway = framesOf(end.take()).find(({ type }) => type === FRAME.goaway);
  return goaway === undefined ? null : JSON.parse(goaway.text).code;
};

describe("Multiplexer", () => {
  it("sends HELLO first, and nothing else before the peer's HELLO", () => {
    const end = new End("odd");
    const user = end.open();
    user.send(10);
    expect(sentBy(end)).toEqual(["hello 0"]);
    end.multiplexer.receive(encodeHello(HELLO));
    expect(end.ready).toBe(true);
    expect(sentBy(end)).toEqual(["open 1", "data 1"]);
  });

  it("opens streams with rising ids of its parity", () => {
    const server = connectedEnd();
    for (let at = 0; at < 3; at++) server.open();
    expect(sentBy(server)).toEqual(["open 2", "open 4", "open 6"]);
  });

  it("sends what was written in one turn as one chunk", () => {
    const end = connectedEnd({ window: 100_000 });
    const users = [end.open(), end.open(), end.open()];
    for (const user of users) user.send(50);
    users[0]?.stream?.finish();
    end.turn();
    expect(end.out).toHaveLength(1);
    expect(sentBy(end)).toEqual(["open 2", "open 4", "open 6", "data 2", "fin 2", "data 4", "data 6"]);
  });

  it("joins small writes of a stream into one DATA frame", () => {
    const end = connectedEnd();
    const user = end.open();
    for (let at = 0; at < 20; at++) user.send(10);
    expect(sentBy(end)).toEqual(["open 2", "data 2"]);
  });

  it("sends large payloads without copying them", () => {
    const end = connectedEnd({ window: 1 << 20 });
    const big = new Uint8Array(10_000);
    let passed = false;
    end.onSend = (chunks) => {
      passed = chunks.some((chunk) => chunk.buffer === big.buffer);
    };
    end.open().stream?.write(big);
    end.turn();
    expect(passed).toBe(true);
  });

  it("closes one direction with FIN while the other continues, and the stream with the second FIN", () => {
    const [left, right] = [new End("even"), new End("odd")];
    const user = left.open();
    user.send(10);
    user.stream?.finish();
    settle(left, right);
    const [peer] = right.users;
    expect(peer).toMatchObject({ received: 10, peerDone: true, wrong: 0 });
    expect(user.stream?.state).toBe("finished");
    peer?.send(5000);
    settle(left, right);
    expect(user).toMatchObject({ received: 5000, wrong: 0, peerDone: false });
    peer?.stream?.finish();
    settle(left, right);
    expect(user.peerDone).toBe(true);
    expect(left.multiplexer.streams + right.multiplexer.streams).toBe(0);
    expect([left.busy, right.busy]).toEqual([
      [true, false],
      [true, false],
    ]);
  });

  it("rejects an OPEN with a code, and drops the data behind it", () => {
    const [left, right] = [new End("even"), new End("odd")];
    right.onOpened = (stream) => stream.reset(new FairleadError("service.refused", "port 9000 refused"));
    const user = left.open();
    user.send(100_000);
    settle(left, right);
    expect(user.error).toMatchObject({ code: "service.refused", message: "port 9000 refused" });
    expect(user.acceptedByPeer).toBe(false);
    expect(left.multiplexer.streams + right.multiplexer.streams).toBe(0);
    expect([left.over, right.over]).toEqual([null, null]);
  });

  it("sends ACCEPT before a RESET of the same turn, because a RESET alone says that the target received nothing", () => {
    const end = connectedEnd();
    end.multiplexer.receive(encodeOpen(1, { service: "api" }));
    end.users[0]?.stream?.reset(new FairleadError("stream.cancelled"));
    expect(sentBy(end)).toEqual(["accept 1", "reset 1"]);
  });

  it("sends a deferred ACCEPT with the next frame of its stream, or when asked to", () => {
    const end = connectedEnd();
    end.onOpened = (stream) => stream.accept(true);
    for (const id of [1, 3, 5, 7]) end.multiplexer.receive(encodeOpen(id, { service: "api" }));
    const [data, fin, reset, alone] = end.users.map(({ stream }) => stream);
    expect(sentBy(end)).toEqual([]);
    data?.write(new Uint8Array(10));
    expect(sentBy(end)).toEqual(["accept 1", "data 1"]);
    fin?.finish();
    expect(sentBy(end)).toEqual(["accept 3", "fin 3"]);
    reset?.reset(new FairleadError("stream.cancelled"));
    expect(sentBy(end)).toEqual(["accept 5", "reset 5"]);
    alone?.sendAccept();
    expect(sentBy(end)).toEqual(["accept 7"]);
    for (const stream of [data, reset, alone]) stream?.sendAccept();
    expect(sentBy(end)).toEqual([]);
  });

  it("sends the RESET of resetAfterData behind what was written, even if credit for that comes later", () => {
    const [left, right] = [new End("even"), new End("odd", { window: 1000 })];
    const user = left.open();
    user.send(2500);
    user.stream?.resetAfterData(new FairleadError("stream.cancelled", "the target broke"));
    settle(left, right);
    const [peer] = right.users;
    expect(peer).toMatchObject({ received: 1000, wrong: 0, error: null });
    expect(user.stream?.unsent).toBe(1500);
    while ((peer?.consumed ?? 0) < 2500) {
      peer?.consume((peer?.received ?? 0) - (peer?.consumed ?? 0));
      settle(left, right);
    }
    expect(peer).toMatchObject({ received: 2500, wrong: 0, peerDone: false });
    expect(peer?.error).toMatchObject({ code: "stream.cancelled", message: "the target broke" });
    expect(user).toMatchObject({ finishedHere: true, error: null });
    expect(left.multiplexer.streams + right.multiplexer.streams).toBe(0);
  });

  it("resets a stream at once with resetAfterData when it has finished or has nothing to send", () => {
    const [left, right] = [new End("even"), new End("odd")];
    const [finished, idle] = [left.open(), left.open()];
    finished.stream?.finish();
    settle(left, right);
    for (const user of [finished, idle]) user.stream?.resetAfterData(new FairleadError("stream.cancelled"));
    settle(left, right);
    expect(right.users.map(({ error }) => error?.code)).toEqual(["stream.cancelled", "stream.cancelled"]);
    expect(left.multiplexer.streams + right.multiplexer.streams).toBe(0);
  });

  it("sends nothing for a stream that is reset before its OPEN was sent", () => {
    const end = connectedEnd();
    const user = end.open();
    user.stream?.reset(new FairleadError("stream.cancelled"));
    expect(sentBy(end)).toEqual([]);
    end.open();
    expect(sentBy(end)).toEqual(["open 4"]);
  });

  it("drops what waits to be sent when a stream is reset", () => {
    const end = connectedEnd({ window: 10 });
    const user = end.open();
    user.send(100);
    expect(sentBy(end)).toEqual(["open 2", "data 2"]);
    user.stream?.reset(new FairleadError("stream.cancelled"));
    end.multiplexer.receive(encodeCredit(2, 1000));
    expect(sentBy(end)).toEqual(["reset 2"]);
  });

  it("ignores frames that were in flight when their stream ended", () => {
    const end = connectedEnd();
    end.open().stream?.reset(new FairleadError("stream.cancelled"));
    end.open();
    end.turn();
    end.multiplexer.receive(encodeOpen(1, { service: "api" }));
    end.users.at(-1)?.stream?.reset(new FairleadError("stream.cancelled"));
    for (const id of [1, 2]) {
      end.multiplexer.receive(encodeData(id, new Uint8Array(10)));
      end.multiplexer.receive(encodeCredit(id, 10));
      end.multiplexer.receive(encodeFin(id));
      end.multiplexer.receive(encodeReset(id, new FairleadError("stream.cancelled")));
    }
    end.multiplexer.receive(encodeAccept(2));
    expect(end.over).toBeNull();
  });

  it("skips unknown extensions", () => {
    const end = connectedEnd();
    end.multiplexer.receive(encodeFrame(0xab, 77, new Uint8Array(100)));
    expect(end.over).toBeNull();
  });
});

describe("Multiplexer, flow control", () => {
  it("withholds data beyond the window until the peer grants credit, at half a window", () => {
    const [left, right] = [new End("even"), new End("odd", { window: 1000 })];
    const user = left.open();
    user.send(5000);
    settle(left, right);
    const [peer] = right.users;
    expect(peer?.received).toBe(1000);
    peer?.consume(499);
    settle(left, right);
    expect(peer?.received).toBe(1000);
    peer?.consume(1);
    settle(left, right);
    expect(peer?.received).toBe(1500);
    expect(peer?.stream?.held).toBe(1000);
  });

  it("grows a window within the session's budget, and returns the budget at the end of the stream", () => {
    let now = 0;
    const options = { window: 1000, windowBudget: 10_000, now: () => now };
    const [left, right] = [new End("even"), new End("odd", options)];
    const user = left.open();
    settle(left, right);
    const [peer] = right.users;
    let most = 0;
    for (let turn = 0; turn < 100; turn++) {
      now += 0.1;
      user.send(12_000);
      left.turn();
      right.multiplexer.receive(left.take());
      most = Math.max(most, peer?.stream?.held ?? 0);
      peer?.consume(peer.stream?.held ?? 0);
      right.turn();
      left.multiplexer.receive(right.take());
    }
    expect(most).toBeGreaterThan(8000);
    expect(most).toBeLessThanOrEqual(11_000);
    expect(peer?.wrong).toBe(0);
    user.stream?.finish();
    peer?.stream?.finish();
    while (right.multiplexer.streams > 0) {
      settle(left, right);
      peer?.consume(peer.stream?.held ?? 0);
    }
    expect(user.sent).toBe(peer?.received);
    // The next stream begins with the initial window.
    const next = left.open();
    settle(left, right);
    next.send(5000);
    settle(left, right);
    expect(right.users[1]?.received).toBe(1000);
  });

  it("exerts backpressure on a writer until there is room", () => {
    const [left, right] = [new End("even"), new End("odd", { window: 1000 })];
    const user = left.open();
    user.send(SEND_BUFFER);
    expect(user.writable).toBe(false);
    settle(left, right);
    expect(user.writable).toBe(true);
    user.send(SEND_BUFFER);
    expect(user.writable).toBe(false);
  });

  it("sends FIN without credit", () => {
    const [left, right] = [new End("even"), new End("odd", { window: 10 })];
    const user = left.open();
    user.send(10);
    settle(left, right);
    user.stream?.finish();
    settle(left, right);
    expect(right.users[0]?.peerDone).toBe(true);
  });
});

describe("Multiplexer, fairness", () => {
  it("lets a small write wait for one quantum of each busy stream, with 10 MB queued on each", () => {
    const end = connectedEnd({ window: MAX_CREDIT });
    const bulk = [end.open(), end.open(), end.open()];
    for (const user of bulk) for (let at = 0; at < 10; at++) user.stream?.write(new Uint8Array(1 << 20));
    // The layer below takes one batch at a time.
    end.limit = 1;
    end.turn();
    end.take();
    const small = end.open();
    small.send(100);
    end.multiplexer.drained();
    const frames = framesOf(end.take());
    const at = frames.findIndex(({ type, stream }) => type === FRAME.data && stream === small.stream?.id);
    expect(at).toBeGreaterThan(-1);
    const before = frames.slice(0, at).reduce((sum, { size }) => sum + size, 0);
    expect(before).toBeLessThanOrEqual(bulk.length * QUANTUM_BYTES + 100);
  });

  it("gives busy streams equal shares", () => {
    const end = connectedEnd({ window: MAX_CREDIT });
    const users = Array.from({ length: 5 }, () => end.open());
    for (const user of users) user.stream?.write(new Uint8Array(1 << 20));
    end.limit = 1;
    const sent = new Map<number, number>();
    end.turn();
    for (let at = 0; at < 40; at++) {
      for (const { type, stream, size } of framesOf(end.take())) {
        if (type === FRAME.data) sent.set(stream, (sent.get(stream) ?? 0) + size);
      }
      end.multiplexer.drained();
    }
    const shares = users.map(({ stream }) => sent.get(stream?.id ?? 0) ?? 0);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(2 * QUANTUM_BYTES);
  });

  it("sends nothing while the layer below exerts backpressure", () => {
    const end = connectedEnd({ window: MAX_CREDIT });
    end.limit = 1;
    end.open().stream?.write(new Uint8Array(1 << 20));
    end.turn();
    expect(end.outBytes).toBeLessThanOrEqual(64 * 1024);
    end.open();
    expect(end.scheduled).toBe(false);
  });

  it("sends control frames before data", () => {
    const end = connectedEnd({ window: MAX_CREDIT }, { window: 1000 });
    end.limit = 1;
    end.multiplexer.receive(encodeOpen(1, { service: "api" }));
    const [theirs] = end.users;
    theirs?.stream?.write(new Uint8Array(1 << 20));
    end.turn();
    end.take();
    end.multiplexer.receive(encodeData(1, new Uint8Array(800)));
    theirs?.consume(800);
    end.multiplexer.drained();
    expect(framesOf(end.take())[0]).toMatchObject({ type: FRAME.credit, stream: 1 });
  });
});

describe("Multiplexer, with a peer that breaks the rules", () => {
  const open = encodeOpen(1, { service: "api" });
  const cases: [string, Uint8Array[], string][] = [
    ["a second HELLO", [encodeHello(HELLO)], "session.out_of_order"],
    ["an OPEN with the parity of this side", [encodeOpen(2, { service: "api" })], "session.out_of_order"],
    ["an OPEN of a used id", [open, open], "session.out_of_order"],
    [
      "an OPEN of an older id",
      [encodeOpen(5, { service: "api" }), encodeOpen(3, { service: "api" })],
      "session.out_of_order",
    ],
    [
      "data on a stream of the peer that was never opened",
      [encodeData(1, new Uint8Array(1))],
      "session.out_of_order",
    ],
    [
      "data on a stream of this side that was never opened",
      [encodeData(100, new Uint8Array(1))],
      "session.out_of_order",
    ],
    ["credit for a stream that was never opened", [encodeCredit(9, 1)], "session.out_of_order"],
    ["an ACCEPT of the peer's own stream", [open, encodeAccept(1)], "session.out_of_order"],
    ["data after FIN", [open, encodeFin(1), encodeData(1, new Uint8Array(1))], "session.out_of_order"],
    ["two FINs", [open, encodeFin(1), encodeFin(1)], "session.out_of_order"],
    ["data before ACCEPT", [encodeData(2, new Uint8Array(1))], "session.out_of_order"],
    ["FIN before ACCEPT", [encodeFin(2)], "session.out_of_order"],
    ["two ACCEPTs", [encodeAccept(2), encodeAccept(2)], "session.out_of_order"],
    ["more data than credit", [open, encodeData(1, new Uint8Array(501))], "session.credit"],
    [
      "more data than credit, in many frames",
      [open, ...Array.from({ length: 51 }, () => encodeData(1, new Uint8Array(10)))],
      "session.credit",
    ],
    ["credit beyond the largest number", [encodeCredit(2, MAX_CREDIT)], "session.credit"],
    ["an unknown frame", [encodeFrame(0x33, 0, new Uint8Array(1))], "session.malformed"],
    ["an OPEN without a service", [encodeFrame(FRAME.open, 1, new Uint8Array(0))], "session.malformed"],
    ["a frame above its largest size", [Uint8Array.of(4, 0xff, 0, 0, 0, 0, 0, 1)], "session.too_large"],
    [
      "an OPEN after the peer's GOAWAY",
      [encodeGoaway(new FairleadError("session.closed")), open],
      "session.out_of_order",
    ],
  ];

  it.each(cases)("ends the session and sends a GOAWAY with the code for %s", (_, frames, code) => {
    const end = connectedEnd({}, { window: 500 });
    const user = end.open();
    end.turn();
    end.take();
    for (const frame of frames) end.multiplexer.receive(frame);
    expect(end.over?.code).toBe(code);
    expect(goawayOf(end)).toBe(code);
    expect(user.error?.code).toBe(code);
    expect(end.multiplexer.streams).toBe(0);
    // Nothing is sent afterwards.
    end.multiplexer.receive(open);
    end.multiplexer.flush();
    expect(end.outBytes).toBe(0);
  });

  it("ends the session with session.out_of_order for a frame before HELLO", () => {
    const end = new End("even");
    end.multiplexer.receive(open);
    expect(end.over?.code).toBe("session.out_of_order");
    expect(framesOf(end.take()).map(({ type }) => type)).toEqual([FRAME.hello, FRAME.goaway]);
  });

  it("ends the session with session.version for a HELLO without a common version", () => {
    const end = new End("even");
    end.multiplexer.receive(encodeHello({ ...HELLO, versions: { min: 2, max: 9 } }));
    expect(end.over?.code).toBe("session.version");
    expect(goawayOf(end)).toBe("session.version");
  });

  it("ends the session with stream.limit when the peer opens streams and reads no refusals", () => {
    const end = connectedEnd({}, { maxStreams: 10 });
    end.limit = 1;
    end.onOpened = () => {};
    end.open().send(100);
    end.turn();
    for (let id = 1; end.over === null && id < 10_000; id += 2) {
      end.multiplexer.receive(encodeOpen(id, { service: "api" }));
    }
    expect(end.over?.code).toBe("stream.limit");
  });
});

describe("Multiplexer, number of streams", () => {
  it("refuses to open more streams than the peer's HELLO allows with stream.limit", () => {
    const end = connectedEnd({ maxStreams: 2 });
    const first = end.open();
    end.open();
    end.turn();
    expect(() => end.open()).toThrow(expect.objectContaining({ code: "stream.limit" }));
    end.multiplexer.receive(encodeReset(first.stream?.id ?? 0, new FairleadError("stream.cancelled")));
    expect(() => end.open()).not.toThrow();
  });

  it("refuses each OPEN beyond its own limit with stream.limit", () => {
    const end = connectedEnd({}, { maxStreams: 2 });
    for (const id of [1, 3, 5]) end.multiplexer.receive(encodeOpen(id, { service: "api" }));
    expect(end.multiplexer.streams).toBe(2);
    end.turn();
    const reset = framesOf(end.take()).find(({ type }) => type === FRAME.reset);
    expect(reset?.stream).toBe(5);
    expect(JSON.parse(reset?.text ?? "").code).toBe("stream.limit");
    // Data behind a refused OPEN is ignored.
    end.multiplexer.receive(encodeData(5, new Uint8Array(100)));
    expect(end.over).toBeNull();
  });

  it("counts a stream that this side reset until the RESET was sent", () => {
    const end = connectedEnd({}, { maxStreams: 1 });
    end.limit = 1;
    end.open().send(10);
    end.turn();
    end.onOpened = (stream) => stream.reset(new FairleadError("service.unknown"));
    end.multiplexer.receive(encodeOpen(1, { service: "api" }));
    end.multiplexer.receive(encodeOpen(3, { service: "api" }));
    end.take();
    end.multiplexer.drained();
    const codes = framesOf(end.take()).map(({ stream, text }) => [stream, JSON.parse(text).code]);
    expect(codes).toEqual([
      [3, "stream.limit"],
      [1, "service.unknown"],
    ]);
    end.multiplexer.receive(encodeOpen(5, { service: "api" }));
    end.multiplexer.drained();
    expect(JSON.parse(framesOf(end.take())[0]?.text ?? "").code).toBe("service.unknown");
  });
});

describe("Multiplexer, end of the session", () => {
  const closed = new FairleadError("session.closed", "idle");

  it("waits for open streams after GOAWAY, then ends on both sides", () => {
    const [left, right] = [new End("even"), new End("odd")];
    const user = left.open();
    settle(left, right);
    left.multiplexer.drain(closed);
    settle(left, right);
    expect(right.goaway).toMatchObject({ code: "session.closed", message: "idle" });
    expect([left.over, right.over]).toEqual([null, null]);
    expect(() => right.open()).toThrow(expect.objectContaining({ code: "session.closed" }));
    expect(() => left.open()).toThrow(expect.objectContaining({ code: "session.closed" }));
    user.send(100);
    user.stream?.finish();
    right.users[0]?.stream?.finish();
    settle(left, right);
    expect(right.users[0]).toMatchObject({ received: 100, peerDone: true });
    expect([left.over?.code, right.over?.code]).toEqual(["session.closed", "session.closed"]);
  });

  it("serves a stream whose OPEN crossed the GOAWAY", () => {
    const [left, right] = [new End("even"), new End("odd")];
    settle(left, right);
    left.multiplexer.drain(closed);
    const user = right.open();
    user.send(10);
    user.stream?.finish();
    settle(left, right);
    expect(left.users[0]).toMatchObject({ received: 10, peerDone: true });
    expect(left.over).toBeNull();
    left.users[0]?.stream?.finish();
    settle(left, right);
    expect(user.peerDone).toBe(true);
    expect([left.over?.code, right.over?.code]).toEqual(["session.closed", "session.closed"]);
  });

  it("resets the streams of both sides with the code of fail", () => {
    const [left, right] = [new End("even"), new End("odd")];
    const user = left.open();
    settle(left, right);
    left.multiplexer.fail(new FairleadError("session.revoked"));
    right.multiplexer.receive(left.take());
    right.multiplexer.lost(new FairleadError("session.lost"));
    expect(user.error?.code).toBe("session.revoked");
    expect(right.users[0]?.error?.code).toBe("session.revoked");
    expect(right.over?.code).toBe("session.revoked");
  });

  it("sends the code of fail although a GOAWAY was sent before", () => {
    const [left, right] = [new End("even"), new End("odd")];
    left.open();
    settle(left, right);
    left.multiplexer.drain(closed);
    settle(left, right);
    left.multiplexer.fail(new FairleadError("session.revoked"));
    right.multiplexer.receive(left.take());
    right.multiplexer.lost(new FairleadError("session.lost"));
    expect(right.users[0]?.error?.code).toBe("session.revoked");
  });

  it("resets the streams with the error of the layer below when there was no GOAWAY", () => {
    const [left, right] = [new End("even"), new End("odd")];
    const user = left.open();
    settle(left, right);
    left.multiplexer.lost(new FairleadError("session.tampered"));
    expect(user.error?.code).toBe("session.tampered");
    expect(() => left.open()).toThrow();
  });

  it("ignores calls on its streams afterwards", () => {
    const end = connectedEnd();
    const user = end.open();
    end.multiplexer.lost(new FairleadError("session.lost"));
    user.send(10);
    user.stream?.finish();
    user.stream?.accept();
    user.stream?.reset(new FairleadError("stream.cancelled"));
    expect(end.outBytes).toBe(0);
  });
});

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

/**
 * Lets both ends open, write, read, finish, reset and refuse at random. The connection carries random chunks
 * with random delays, and the layers below exert backpressure at random.
 */
function simulate(seed: number): void {
  const randomBelow = random(seed);
  const windows = [200 + randomBelow(5000), 200 + randomBelow(100_000)];
  const left = new End("even", { window: windows[0] ?? 1, maxStreams: 30 });
  const right = new End("odd", { window: windows[1] ?? 1, maxStreams: 30 });
  const ends = [left, right] as const;
  const inFlight: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  for (const end of ends) {
    end.limit = 1 + randomBelow(100_000);
    end.onOpened = (stream, user) => {
      const fate = randomBelow(10);
      if (fate === 0) stream.reset(new FairleadError("service.refused"));
      else if (fate < 5) stream.accept();
      else user.acceptedByPeer = false;
    };
  }
  const act = (end: End, calm: boolean): void => {
    if (!calm && randomBelow(4) === 0 && end.users.length < 60) {
      try {
        end.open();
      } catch (error) {
        if (!(error instanceof FairleadError) || error.code !== "stream.limit") throw error;
      }
    }
    for (const user of end.users) {
      const { stream } = user;
      if (stream === null || stream.state === "closed") continue;
      if (stream.state.startsWith("offered")) {
        if (calm || randomBelow(5) === 0) stream.accept();
        continue;
      }
      const held = user.received - user.consumed;
      expect(stream.held, `seed ${seed}`).toBe(held);
      if (held > 0 && (calm || randomBelow(3) === 0)) user.consume(calm ? held : 1 + randomBelow(held));
      if (user.finishedHere || finishing.has(user)) continue;
      if (!calm && user.writable && randomBelow(3) === 0)
        user.send(1 + randomBelow(randomBelow(8) === 0 ? 30_000 : 800));
      if (calm || randomBelow(40) === 0) {
        finishing.add(user);
        stream.finish();
      } else if (randomBelow(150) === 0) stream.reset(new FairleadError("stream.cancelled"));
    }
  };
  const finishing = new Set<User>();
  const carry = (index: 0 | 1): void => {
    const from = ends[index];
    const to = ends[1 - index];
    const pending = joined(inFlight[index], from.take());
    const size = randomBelow(3) === 0 ? 0 : Math.min(pending.length, 1 + randomBelow(70_000));
    inFlight[index] = pending.subarray(size);
    for (let at = 0; at < size; ) {
      const step = Math.min(size - at, 1 + randomBelow(20_000));
      to?.multiplexer.receive(pending.slice(at, at + step));
      at += step;
    }
    if (randomBelow(2) === 0) from.multiplexer.drained();
  };
  for (let step = 0; step < 20_000; step++) {
    const calm = step > 150;
    for (const end of ends) {
      act(end, calm);
      if (randomBelow(2) === 0) end.turn();
    }
    carry(0);
    carry(1);
    if (calm && left.multiplexer.streams + right.multiplexer.streams === 0) break;
  }
  expect([left.over, right.over], `seed ${seed}`).toEqual([null, null]);
  expect([left.multiplexer.streams, right.multiplexer.streams], `seed ${seed}`).toEqual([0, 0]);
  const others = new Map(right.users.map((user) => [user.stream?.id, user]));
  for (const user of left.users) {
    const other = others.get(user.stream?.id);
    expect(user.wrong, `seed ${seed}`).toBe(0);
    if (other === undefined) continue;
    expect(other.wrong, `seed ${seed}`).toBe(0);
    if (!user.peerDone || !other.peerDone) continue;
    expect([other.received, user.received], `seed ${seed}`).toEqual([user.sent, other.sent]);
  }
}

describe("Multiplexer, simulated", () => {
  it("delivers exactly what the other end wrote, and leaves no stream open", () => {
    for (let seed = 1; seed <= 25; seed++) simulate(seed);
  });
});

describe("Multiplexer, features", () => {
  const openKind = { features: ["open-kind"] };

  it("has the features that both HELLOs name, and ignores unknown names", () => {
    const end = connectedEnd({ features: ["of-tomorrow", "open-kind"] }, openKind);
    expect([...end.multiplexer.features]).toEqual(["open-kind"]);
    expect(end.multiplexer.peerFeatures).toEqual(["of-tomorrow", "open-kind"]);
  });

  it("has no features with a peer whose HELLO names none", () => {
    const end = connectedEnd({}, openKind);
    expect(end.multiplexer.features.size).toBe(0);
    expect(end.multiplexer.peerFeatures).toEqual([]);
  });

  it("names its features in HELLO, and leaves the field out where it has none", () => {
    const helloOf = (options: { features?: readonly string[] }) => {
      const end = new End("even", options);
      end.turn();
      return JSON.parse(framesOf(end.take())[0]?.text ?? "");
    };
    expect(helloOf(openKind).features).toEqual(["open-kind"]);
    expect(Object.keys(helloOf({}))).toEqual(["versions", "window", "maxStreams", "software"]);
  });
});

describe("Multiplexer, kinds of streams", () => {
  const both = { features: ["open-kind"] };
  const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const openTextOf = (end: End) => {
    end.turn();
    return framesOf(end.take()).find(({ type }) => type === FRAME.open)?.text;
  };

  it("sends the kind and the trace context to the peer", () => {
    const [left, right] = [new End("even", both), new End("odd", both)];
    settle(left, right);
    const open = { service: "api", hops: 2, kind: "udp", traceparent: trace };
    left.multiplexer.open(open, new User());
    settle(left, right);
    expect(right.users[0]?.stream?.open).toEqual(open);
    expect(right.users[0]?.stream?.kind).toBe("udp");
  });

  it("takes tcp for an OPEN without a kind, and sends none for tcp", () => {
    const end = connectedEnd(both, both);
    end.multiplexer.open({ service: "api", kind: "tcp" }, new User());
    expect(openTextOf(end)).toBe('{"service":"api"}');
    end.multiplexer.receive(encodeOpen(1, { service: "api" }));
    expect(end.users[0]?.stream?.kind).toBe("tcp");
  });

  it("opens another kind than tcp only when both sides named open-kind", () => {
    for (const [hello, options] of [
      [{}, both],
      [both, {}],
    ] as const) {
      const end = connectedEnd(hello, options);
      expect(() => end.multiplexer.open({ service: "api", kind: "udp" }, new User())).toThrow(
        expect.objectContaining({ code: "stream.kind_unsupported" }),
      );
      expect(end.multiplexer.streams).toBe(0);
    }
  });

  it("ends only the stream whose kind the receiver refuses", () => {
    const [left, right] = [new End("even", both), new End("odd", both)];
    right.onOpened = (stream) => {
      if (stream.kind === "tcp") stream.accept();
      else stream.reset(new FairleadError("stream.kind_unsupported"));
    };
    settle(left, right);
    const unknown = new User();
    left.multiplexer.open({ service: "api", kind: "of-tomorrow" }, unknown);
    const known = left.open();
    settle(left, right);
    expect(unknown.error?.code).toBe("stream.kind_unsupported");
    expect(unknown.acceptedByPeer).toBe(false);
    expect(known.acceptedByPeer).toBe(true);
    expect([left.over, right.over]).toEqual([null, null]);
  });
});
