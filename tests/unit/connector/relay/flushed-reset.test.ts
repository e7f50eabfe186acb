import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { resetAfterFlush, resetSocket } from "../../../../connector/relay/flushed-reset.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { tcpServer } from "../../../support/traffic/sockets.ts";

/** Both ends of a connection, and what the far end sees. */
async function pair(read = true) {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const seen = { bytes: 0, error: "" };
  const { port } = await tcpServer((socket) => {
    socket.on("error", (error: NodeJS.ErrnoException) => {
      seen.error = error.code ?? "";
    });
    if (read) {
      socket.on("data", (chunk: Buffer) => {
        seen.bytes += chunk.length;
      });
    }
    resolve(socket);
  });
  const near = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  onTestFinished(() => void near.destroy());
  near.on("error", () => {});
  await once(near, "connect");
  return { near, far: await promise, seen };
}

describe("A flushed reset", () => {
  it("waits until the peer's kernel has everything that was written", async () => {
    const { near, far, seen } = await pair(false);
    const bytes = 4 * 1024 * 1024;
    near.write(Buffer.alloc(bytes));
    resetAfterFlush(near);
    far.on("data", (chunk: Buffer) => {
      seen.bytes += chunk.length;
    });
    await eventually("the reset", () => seen.error === "ECONNRESET", { within: 60_000 });
    expect(seen.bytes).toBe(bytes);
  });

  it("happens at once when nothing was written", async () => {
    const { near } = await pair();
    resetAfterFlush(near);
    expect(near.destroyed).toBe(true);
  });

  it("closes a socket that is just sending its FIN", async () => {
    const { near, far } = await pair();
    near.end();
    await new Promise<void>((resolve) => process.nextTick(resolve));
    resetSocket(near);
    const gone = once(near, "close");
    await gone;
    await eventually("the other side sees it", () => far.destroyed || far.readableEnded);
    expect(near.destroyed).toBe(true);
  });
});
