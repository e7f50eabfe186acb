/** DNS answers of the connector at the clients' site. */
import { writeFile } from "node:fs/promises";
import { type Answers, parallelQueries, steadyQueries } from "../clients/dns.ts";
import type { Ground } from "../ground.ts";
import { parseDnsperf } from "../parse/dnsperf.ts";
import type { DnsServer, System } from "../systems/system.ts";
import type { Measure } from "./measure.ts";

/** Queries at a time, where as many are sent as are answered. */
const PARALLEL = 20;

/** The rate at which times are measured, queries/s. */
const STEADY = 10_000;

/** The share of queries that may be lost: UDP loses some on a busy machine. */
const LOSS = 0.001;

export const DNS: Measure = {
  id: "dns",
  title: "DNS",
  metrics: [
    { key: "perSecond", title: "", unit: "answers/s", better: "higher" },
    { key: "p99", title: `p99 at ${STEADY.toLocaleString("en-US")} queries/s`, unit: "ms", better: "lower" },
  ],
  work: "query",
  on: ({ dns }: System) => dns !== undefined,
  async run({ dns }: System, ground: Ground) {
    if (dns === undefined) throw new TypeError("The system has no DNS server.");
    const most = checked(await asMany(dns, ground));
    const steady = checked(await atRate(dns, ground));
    return {
      figures: { perSecond: most.perSecond, p99: steady.p99 },
      work: { unit: "query", amount: most.answers + steady.answers } as const,
    };
  },
};

/** @throws Error when more than a few queries failed */
function checked(result: Answers): Answers {
  const { answers, failed } = result;
  if (failed > LOSS * (answers + failed)) throw new Error(`${failed} of ${answers + failed} queries failed.`);
  return result;
}

async function asMany(dns: DnsServer, ground: Ground): Promise<Answers> {
  const ms = ground.ms / 2;
  if (ground.tools.dnsperf === null) return await parallelQueries(dns, PARALLEL, ms);
  return await dnsperf(dns, ground, ["-q", String(PARALLEL)]);
}

async function atRate(dns: DnsServer, ground: Ground): Promise<Answers> {
  const ms = ground.ms / 2;
  if (ground.tools.dnsperf === null) return await steadyQueries(dns, STEADY, ms);
  return await dnsperf(dns, ground, ["-Q", String(STEADY), "-v"]);
}

async function dnsperf(
  { host, port, name }: DnsServer,
  ground: Ground,
  more: readonly string[],
): Promise<Answers> {
  const queries = ground.cluster.path("queries");
  await writeFile(queries, `${name} A\n`);
  const seconds = Math.ceil(ground.ms / 2000);
  const args = [
    "-s",
    host,
    "-p",
    String(port),
    "-d",
    queries,
    "-c",
    "4",
    "-t",
    "1",
    "-l",
    String(seconds),
    ...more,
  ];
  const output = await ground.program("dnsperf", ground.tools.dnsperf ?? "dnsperf", args, ground.ms + 30_000);
  return parseDnsperf(output);
}
