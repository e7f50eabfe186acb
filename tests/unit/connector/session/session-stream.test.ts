import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { SessionStream } from "../../../../connector/session/session-stream.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { FrameBatch } from "../../../../protocol/streams/frame-batch.ts";
import { SessionWindow } from "../../../../protocol/streams/session-window.ts";
import { QUANTUM_BYTES, SEND_BUFFER, Stream } from "../../../../protocol/streams/stream.ts";
import { codeOf, readAll, until } from "../../../support/connector/session-stand.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const nobody = () => ({
  windows: new SessionWindow({ initial: 1 << 20, now: () => performance.now() }),
  openPayload: () => new Uint8Array(2),
  queueControl() {},
  queueData() {},
  closed() {},
});

function make(ours: boolean): { duplex: SessionStream; stream: Stream } {
  const stream = new Stream({ id: 1, open: { service: "api" }, ours, owner: nobody() });
  const duplex = new SessionStream("session-1").attach(stream);
  stream.handler = duplex;
  return { duplex, stream };
}

describe("SessionStream", () => {
  it("holds little more than the window for a stalled reader, in pieces of any size", async () => {
    const { duplex, stream } = make(false);
    stream.accept();
    collect();
    const before = process.memoryUsage().arrayBuffers;
    // Without blocks, each piece would keep 16 KiB alive: 160 MB.
    for (let at = 0; at < 10_000; at++) stream.receiveData(new Uint8Array(16_384).subarray(0, 40));
    // The collector frees memory in the background.
    await until(() => {
      collect();
      return process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024;
    });
    expect(stream.held).toBe(400_000);
    duplex.destroy();
  });

  it("delivers small, large and split pieces in order", async () => {
    const { duplex, stream } = make(false);
    stream.accept();
    const sizes = [10, 3000, 20, 30, 5000, 1, 2047, 2047, 2048, 7];
    const all = Buffer.from(
      Array.from({ length: sizes.reduce((sum, size) => sum + size) }, (_, at) => at & 255),
    );
    let from = 0;
    for (const size of sizes) {
      stream.receiveData(all.subarray(from, from + size));
      from += size;
    }
    stream.receiveFin();
    duplex.end();
    expect((await readAll(duplex)).equals(all)).toBe(true);
    expect(stream.held).toBe(0);
  });

  it("reports bytes as consumed only when its reader takes them", async () => {
    const { duplex, stream } = make(false);
    stream.accept();
    for (let at = 0; at < 10; at++) stream.receiveData(new Uint8Array(50_000));
    expect(stream.held).toBe(500_000);
    duplex.read(1);
    // Node's read buffer is full, and the rest stays in the backlog.
    expect(stream.held).toBeGreaterThan(300_000);
    duplex.resume();
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.held).toBe(0);
  });

  it("hands bytes to a reader that keeps up as buffers, and stores them once it pauses", () => {
    const { duplex, stream } = make(false);
    duplex.accept();
    const chunks: unknown[] = [];
    duplex.on("data", (chunk) => {
      chunks.push(chunk);
      if (chunks.length === 2) duplex.pause();
    });
    duplex.read();
    for (let at = 0; at < 4; at++) stream.receiveData(new Uint8Array([at]).subarray(0));
    expect(chunks).toStrictEqual([Buffer.of(0), Buffer.of(1)]);
  });

  it("sends past its queue while that is empty, and behind it otherwise", async () => {
    const { duplex, stream } = make(true);
    expect(duplex.send(Buffer.alloc(10))).toBe(true);
    expect([stream.unsent, duplex.writableLength]).toEqual([10, 0]);
    duplex.cork();
    duplex.write(Buffer.alloc(20));
    duplex.send(Buffer.alloc(30));
    expect([stream.unsent, duplex.writableLength]).toEqual([10, 50]);
    duplex.uncork();
    expect([stream.unsent, duplex.writableLength]).toEqual([60, 0]);
    duplex.destroy();
  });

  it("emits drain after send returned false, once the stream takes bytes again", async () => {
    const { duplex, stream } = make(true);
    expect(duplex.send(Buffer.alloc(SEND_BUFFER))).toBe(false);
    const drained = once(duplex, "drain");
    stream.receiveCredit(SEND_BUFFER);
    stream.writeData(new FrameBatch(), QUANTUM_BYTES);
    await drained;
    expect(duplex.send(Buffer.alloc(1))).toBe(true);
    duplex.destroy();
  });

  it("delivers all bytes that came before the peer's reset, then fails", async () => {
    const { duplex, stream } = make(false);
    duplex.accept();
    for (let at = 0; at < 10; at++) stream.receiveData(Buffer.alloc(50_000, at));
    stream.end(new FairleadError("stream.cancelled", "the client broke"));
    let bytes = 0;
    duplex.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      duplex.pause();
      setImmediate(() => duplex.resume());
    });
    const [error] = (await once(duplex, "error")) as [FairleadError];
    expect([bytes, error.code]).toEqual([500_000, "stream.cancelled"]);
  });

  it("fails at once when it is not served yet, or is reset with another code than stream.cancelled", () => {
    const pending = make(false);
    pending.stream.receiveData(Buffer.alloc(1000));
    pending.stream.end(new FairleadError("stream.cancelled"));
    expect(pending.duplex.destroyed).toBe(true);
    const revoked = make(false);
    revoked.duplex.accept();
    revoked.stream.receiveData(Buffer.alloc(1000));
    revoked.stream.end(new FairleadError("session.revoked"));
    expect(revoked.duplex.destroyed).toBe(true);
  });

  it("reports its acceptance, also to a late caller", async () => {
    const { duplex, stream } = make(true);
    stream.receiveCredit(10);
    stream.writeControl({ add() {}, header() {} } as never);
    stream.receiveAccept();
    await expect(duplex.accepted).resolves.toBeUndefined();
    duplex.destroy();
    await once(duplex, "close");
    await expect(duplex.accepted).resolves.toBeUndefined();
  });

  it("reports its refusal, also to a late caller, without an unhandled rejection", async () => {
    const { duplex, stream } = make(true);
    stream.end(new FairleadError("service.timeout"));
    await until(() => duplex.closed);
    expect(await codeOf(duplex.accepted)).toBe("service.timeout");
  });

  it("is reset with the code of the FairleadError that destroys it, else with stream.cancelled", () => {
    const codeFor = (error?: Error): string | undefined => {
      const { duplex, stream } = make(false);
      duplex.destroy(error);
      const frames: Uint8Array[] = [];
      stream.writeControl({ add: (frame: Uint8Array) => frames.push(frame), header() {} } as never);
      const [reset] = frames;
      return reset === undefined ? undefined : JSON.parse(Buffer.from(reset.subarray(8)).toString()).code;
    };
    expect(codeFor(new FairleadError("service.unreachable"))).toBe("service.unreachable");
    expect(codeFor(new Error("ECONNRESET"))).toBe("stream.cancelled");
    expect(codeFor()).toBe("stream.cancelled");
  });
});
