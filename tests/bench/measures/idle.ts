/** Memory of idle streams: connections are opened, checked with one byte, and stay open. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Address } from "../../support/process/cluster.ts";
import { raiseDescriptors, residentBytes } from "../processes.ts";
import type { Measure } from "./measure.ts";

/** Dials in parallel. */
const PARALLEL = 200;
/** Descriptors besides those of streams: libraries, listeners, other measures. */
const SPARE_DESCRIPTORS = 1000;
/** Time for buffers to be released, ms. */
const SETTLE_MS = 4000;

export const IDLE: Measure = {
  id: "idle",
  title: "idle streams",
  once: true,
  metrics: [
    { key: "streams", title: "open at once", unit: "streams", better: "higher" },
    { key: "west", title: "memory of each, client's side", unit: "KiB", better: "lower", scale: 1024 },
    { key: "east", title: "memory of each, server's side", unit: "KiB", better: "lower", scale: 1024 },
  ],
  on: (system) => system.fresh !== undefined,
  async run(system, ground) {
    const allowed = await raiseDescriptors(ground.options.streams + SPARE_DESCRIPTORS);
    const wanted = Math.min(ground.options.streams, allowed - SPARE_DESCRIPTORS);
    // Connectors that were busy before have free memory, and would seem to need none.
    const fresh = await system.fresh?.();
    if (fresh === undefined) throw new Error("The system has no unused connectors.");
    const held: Socket[] = [];
    try {
      await open(fresh.at.hold, 100, held);
      await sleep(SETTLE_MS / 2);
      const before = await memory(fresh.parts);
      await open(fresh.at.hold, wanted, held);
      await sleep(SETTLE_MS);
      const after = await memory(fresh.parts);
      const alive = held.filter((socket) => !socket.destroyed).length;
      const each = (part: "west" | "east") => (after[part] - before[part]) / (held.length - 100);
      return { figures: { streams: alive, west: each("west"), east: each("east") } };
    } finally {
      // A reset leaves no port in TIME_WAIT.
      for (const socket of held) socket.resetAndDestroy();
      await fresh.close();
    }
  },
};

async function memory(parts: readonly { readonly name: string; readonly pid: number }[]) {
  const of = async (wanted: string) =>
    await residentBytes(parts.find(({ name }) => name === wanted)?.pid ?? Number.NaN);
  return { west: await of("west"), east: await of("east") };
}

/** Opens connections until `count` are open or a dial fails. */
async function open(to: Address, count: number, held: Socket[]): Promise<void> {
  let refused = false;
  let started = held.length;
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (!refused && started < count) {
        started++;
        const socket = await openOne(to);
        if (socket === null) refused = true;
        else held.push(socket);
      }
    }),
  );
}

/** Opens a connection and checks it with one byte. Returns null when that fails. */
function openOne(to: Address): Promise<Socket | null> {
  return new Promise((done) => {
    const socket = connect({ host: to.host, port: to.port });
    const fail = () => {
      socket.destroy();
      done(null);
    };
    socket.setTimeout(10_000, fail);
    socket.on("error", fail);
    socket.once("close", fail);
    socket.once("data", () => {
      socket.setTimeout(0);
      done(socket);
    });
    socket.write("x");
  });
}
