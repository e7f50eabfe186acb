/** The cost of frames and of idle streams. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { encodeAccept, encodeData, encodeOpen, MAX_CREDIT } from "../../../../protocol/streams/frames.ts";
import { connectedEnd } from "./multiplexer-pair.ts";

describe("a DATA frame", () => {
  it("is delivered to its stream without a copy, as slices of the input", () => {
    const end = connectedEnd();
    const user = end.open();
    end.turn();
    end.multiplexer.receive(encodeAccept(2));
    const pieces: Uint8Array[] = [];
    user.data = (bytes) => pieces.push(bytes);
    const frame = encodeData(2, new Uint8Array(50_000));
    const chunks = [frame.subarray(0, 16_384), frame.subarray(16_384, 32_768), frame.subarray(32_768)];
    for (const chunk of chunks) end.multiplexer.receive(chunk);
    expect(pieces.reduce((sum, { length }) => sum + length, 0)).toBe(50_000);
    for (const piece of pieces) expect(piece.buffer).toBe(frame.buffer);
    // A chunk that holds nothing else is delivered as it is.
    expect(pieces[1]).toBe(chunks[1]);
  });

  it("is sent as slices of what was written, in as few frames as the batch allows when the stream is alone", () => {
    const end = connectedEnd({ window: MAX_CREDIT });
    const written = new Uint8Array(150_000);
    const sent: { buffers: number; bytes: number; chunks: number }[] = [];
    end.onSend = (chunks) =>
      sent.push({
        buffers: chunks.filter(({ buffer }) => buffer === written.buffer).length,
        bytes: chunks.reduce((sum, { length }) => sum + length, 0),
        chunks: chunks.length,
      });
    end.open().stream?.write(written);
    end.turn();
    expect(sent).toHaveLength(3);
    for (const write of sent) expect(write).toMatchObject({ buffers: 1, chunks: 2 });
  });
});

describe("an OPEN", () => {
  it("is decoded to its own service, whether or not the OPEN before was for the same", () => {
    const end = connectedEnd();
    const services = ["api", "api", "apj", "api", "db"];
    for (const [at, service] of services.entries())
      end.multiplexer.receive(encodeOpen(1 + 2 * at, { service }));
    expect(end.users.map(({ stream }) => stream?.service)).toEqual(services);
  });
});

describe("an idle stream", () => {
  it("takes less than 4 KiB, both ends together", async () => {
    const script = fileURLToPath(new URL("./idle-streams.ts", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", script]);
    const bytes = Number(stdout);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(4096);
  });
});
