/** Bulk transfers: 1 and 8 streams, towards the client and away from it. */
import { ownBulk } from "../clients/bulk.ts";
import { type Ground, HOST } from "../ground.ts";
import { parseIperf3 } from "../parse/iperf3.ts";
import type { System } from "../systems/system.ts";
import type { Bulk, Measure } from "./measure.ts";

export type Direction = "down" | "up";

const ARROWS = { down: "server to client", up: "client to server" } as const;

/** Warm-up, in which the session and all windows open, s. */
const WARM_UP = 1;

export const BULK: readonly Measure[] = [1, 8].flatMap((streams) =>
  (["down", "up"] as const).map((direction) => ({
    id: `bulk-${streams}-${direction}`,
    title: `bulk, ${streams} stream${streams === 1 ? "" : "s"}, ${ARROWS[direction]}`,
    metrics: [{ key: "rate", title: "", unit: "Gb/s", better: "higher", scale: 1e9 }] as const,
    work: "GB" as const,
    async run(system: System, ground: Ground) {
      const { bitsPerSecond, bytes } = await bulk(system, ground, { streams, direction, ms: ground.ms });
      return { figures: { rate: bitsPerSecond }, work: { unit: "GB", amount: bytes / 1e9 } as const };
    },
  })),
);

/** Runs one transfer. Its bytes include those of the warm-up. */
export async function bulk(
  system: System,
  ground: Ground,
  { streams, direction, ms }: { streams: number; direction: Direction; ms: number },
): Promise<Bulk> {
  const { iperf3 } = ground.tools;
  if (iperf3 === null) {
    return await ownBulk(system.at[direction === "down" ? "source" : "sink"], direction, streams, ms);
  }
  // Each test has its own server, because a failed test may leave its server busy.
  const server = ground.cluster.spawn({
    name: "iperf3 server",
    command: iperf3,
    args: ["-s", "-1", "-p", String(ground.servers.iperf.port), "-B", HOST, "--forceflush"],
  });
  try {
    await server.output("listening", ({ stdout }) => (stdout.includes("listening") ? true : null), 5000);
    const { host, port } = system.at.iperf;
    const seconds = Math.ceil(ms / 1000);
    const output = await ground.program(
      "iperf3",
      iperf3,
      [
        ...["-c", host, "-p", String(port), "-P", String(streams), "-t", String(seconds)],
        ...["-O", String(WARM_UP), "--json", ...(direction === "down" ? ["-R"] : [])],
      ],
      ms + 30_000,
    );
    return parseIperf3(output);
  } finally {
    await server.kill9();
  }
}
