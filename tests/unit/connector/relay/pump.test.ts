import { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { pump, sendToStream, writeToLocal } from "../../../../connector/relay/pump.ts";
import { relayStream, testRelay } from "../../../support/connector/test-relay.ts";

const tick = () => new Promise<void>((resolve) => process.nextTick(resolve));

/** A source that chunks are pushed to. */
function source(): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
}

/** A local connection that records the size of each of its writes to the kernel. */
function local(): { socket: Duplex; writes: number[] } {
  const writes: number[] = [];
  const socket = new Duplex({
    writableHighWaterMark: 1 << 20,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.length);
      done();
    },
    writev(chunks, done) {
      writes.push(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
      done();
    },
  });
  return { socket, writes };
}

function direction() {
  const flow = testRelay().start({ side: "listener", service: "api" });
  return { flow, count: flow.toClient };
}

/** A pump from a source to a local connection. It has begun to read. */
async function pumped() {
  const from = source();
  const { socket, writes } = local();
  pump(from, socket, writeToLocal, direction(), () => {});
  await turn();
  return { from, writes };
}

describe("pump to a local connection", () => {
  it("writes the small chunks of one read together, at the end of the read", async () => {
    const { from, writes } = await pumped();
    for (const size of [10, 20, 30]) from.push(Buffer.alloc(size));
    expect(writes).toEqual([]);
    await tick();
    expect(writes).toEqual([60]);
  });

  it("writes large chunks together with all others of the turn", async () => {
    const { from, writes } = await pumped();
    for (const size of [10, 16_384]) from.push(Buffer.alloc(size));
    await tick();
    expect(writes).toEqual([]);
    from.push(Buffer.alloc(16_384));
    await turn();
    expect(writes).toEqual([10 + 2 * 16_384]);
  });
});

describe("pump to a stream", () => {
  it("sends small chunks at once, and in order behind a large one that still waits", async () => {
    const from = source();
    const { stream, far } = relayStream();
    const sent: number[] = [];
    stream.send = (bytes) => {
      sent.push(bytes.length);
      return stream.write(bytes);
    };
    const received: number[] = [];
    far.on("data", (chunk: Buffer) => void received.push(chunk.length));
    pump(from, stream, sendToStream, direction(), () => {});
    await turn();
    from.push(Buffer.alloc(10));
    expect(sent).toEqual([10]);
    for (const size of [16_384, 20]) from.push(Buffer.alloc(size));
    await turn();
    await turn();
    expect(received).toEqual([10, 16_384, 20]);
  });
});
