/**
 * `npm run bench`: what the data path does, direct and through Fairlead, interleaved in one run. Only the ratio
 * says something: absolute figures move with the machine and with what else it does.
 *
 * `--json` prints the figures; `--seconds N` sets how long each measurement takes (3); `--rounds N` how often
 * (3); the median of the rounds counts.
 */
import { parseArgs } from "node:util";
import { Cluster, eventually } from "../support/cluster.ts";
import { bulk, connections, requests } from "./clients.ts";

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
  },
});
const ms = Number(flags.seconds) * 1000;
const rounds = Number(flags.rounds);

interface Places {
  http: { host: string; port: number };
  bulk: { host: string; port: number };
}

interface Measurement {
  name: string;
  unit: string;
  measure(places: Places): Promise<number>;
}

const MEASUREMENTS: readonly Measurement[] = [
  { name: "bulk, 1 stream", unit: "MB/s", measure: async (to) => (await bulk(to.bulk, 1, ms)) / 1e6 },
  { name: "bulk, 8 streams", unit: "MB/s", measure: async (to) => (await bulk(to.bulk, 8, ms)) / 1e6 },
  ...[1, 10, 100].map((count) => ({
    name: `requests, ${count} connection${count === 1 ? "" : "s"}`,
    unit: "1/s",
    measure: async (to: Places) => (await requests(to.http, count, ms)).perSecond,
  })),
  { name: "new connections, 10 at a time", unit: "1/s", measure: (to) => connections(to.http, 10, ms) },
];

function median(figures: readonly number[]): number {
  return [...figures].sort((left, right) => left - right)[Math.floor(figures.length / 2)] ?? 0;
}

const cluster = await Cluster.create("fl-bench-");
try {
  const edge = await cluster.edge();
  const network = await cluster.network(edge, "bench");
  const backend = cluster.spawn({
    name: "backend",
    command: process.execPath,
    args: [new URL("backend.ts", import.meta.url).pathname, "127.0.0.1"],
  });
  const ports = await backend.output("its ports", ({ stdout }) =>
    stdout.endsWith("}") || stdout.endsWith("}\n")
      ? (JSON.parse(stdout) as { http: number; bulk: number })
      : null,
  );
  await cluster.connector({
    site: "east",
    token: await network.token(),
    expose: [`web=127.0.0.1:${ports.http}`, `bulk=127.0.0.1:${ports.bulk}`],
  });
  const west = await cluster.connector({ site: "west", token: await network.token(), bind: "127.2.0.1" });
  await eventually(
    "both services are there",
    async () => (await west.status()).services.length === 2 || null,
  );

  const direct: Places = {
    http: { host: "127.0.0.1", port: ports.http },
    bulk: { host: "127.0.0.1", port: ports.bulk },
  };
  const through: Places = {
    http: { host: "127.2.0.1", port: ports.http },
    bulk: { host: "127.2.0.1", port: ports.bulk },
  };

  const results: { name: string; unit: string; direct: number; fairlead: number; ratio: number }[] = [];
  for (const { name, unit, measure } of MEASUREMENTS) {
    const figures = { direct: [] as number[], fairlead: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      figures.direct.push(await measure(direct));
      figures.fairlead.push(await measure(through));
    }
    const result = { name, unit, direct: median(figures.direct), fairlead: median(figures.fairlead) };
    results.push({ ...result, ratio: result.fairlead / result.direct });
    if (!flags.json) {
      const figure = (value: number) => value.toFixed(0).padStart(9);
      console.log(
        `${name.padEnd(32)}${figure(result.direct)}${figure(result.fairlead)} ${unit.padEnd(5)}${(result.fairlead / result.direct).toFixed(3).padStart(8)}`,
      );
    } else if (process.stderr.isTTY) {
      console.error(name);
    }
  }
  if (flags.json) console.log(JSON.stringify({ seconds: ms / 1000, rounds, results }, null, 2));
  else console.log("                                   direct Fairlead         ratio");
} finally {
  await cluster.close();
}
