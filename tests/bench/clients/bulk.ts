/** A client for bulk transfers without iperf3. */
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { Address } from "../../support/process/cluster.ts";
import type { Bulk } from "../measures/measure.ts";

/** Warm-up, in which the session and the windows open, ms. */
const WARM_UP_MS = 1000;
const CHUNK = Buffer.alloc(256 * 1024, "z");

/** Measures what `streams` connections together read from the source or write to the sink in `ms`. */
export async function ownBulk(
  to: Address,
  direction: "down" | "up",
  streams: number,
  ms: number,
): Promise<Bulk> {
  const received = new Array<number>(streams).fill(0);
  const total = () => received.reduce((sum, bytes) => sum + bytes, 0);
  const sockets = await Promise.all(Array.from({ length: streams }, () => dial(to)));
  const failed = Promise.race(
    sockets.map((socket) => new Promise<never>((_, fail) => socket.once("error", fail).once("end", fail))),
  );
  failed.catch(() => {});
  for (const [at, socket] of sockets.entries()) {
    if (direction === "down") {
      socket.on("data", (chunk) => {
        received[at] = (received[at] ?? 0) + chunk.length;
      });
    } else {
      // The sink reports received bytes; written bytes may still be in flight.
      socket.on("data", (chunk) => {
        if (chunk.length >= 8) received[at] = Number(chunk.readBigUInt64BE(chunk.length - 8));
      });
      pour(socket);
    }
  }
  try {
    await Promise.race([wait(WARM_UP_MS), failed]);
    const before = { bytes: total(), at: performance.now() };
    await Promise.race([wait(ms), failed]);
    const seconds = (performance.now() - before.at) / 1000;
    return { bitsPerSecond: ((total() - before.bytes) * 8) / seconds, bytes: total() };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function pour(socket: Socket): void {
  const fill = () => {
    while (socket.writable && socket.write(CHUNK));
  };
  socket.on("drain", fill);
  fill();
}

async function dial(to: Address): Promise<Socket> {
  const socket = connect({ host: to.host, port: to.port });
  await new Promise((done, fail) => socket.once("connect", done).once("error", fail));
  return socket;
}

function wait(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
