/** PostgreSQL under pgbench: select-only transactions, and TPC-B-like ones of seven statements. */
import { initialisePostgres, ownTransactions } from "../clients/postgres.ts";
import type { Ground } from "../ground.ts";
import { parsePgbench, type Transactions } from "../parse/pgbench.ts";
import type { System } from "../systems/system.ts";
import type { Measure } from "./measure.ts";

const CLIENTS = 8;
/** Scale factor above the count of clients, so that clients do not wait for row locks. */
const SCALE = 10;

let filled: Promise<unknown> | undefined;

export const POSTGRES: readonly Measure[] = (["select", "tpcb"] as const).map((script) => ({
  id: `postgres-${script}`,
  title: `PostgreSQL, ${script === "select" ? "select-only" : "TPC-B"}, ${CLIENTS} clients`,
  metrics: [
    { key: "perSecond", title: "", unit: "transactions/s", better: "higher" },
    { key: "latency", title: "mean", unit: "ms", better: "lower" },
  ] as const,
  work: "transaction" as const,
  async run(system: System, ground: Ground) {
    filled ??= fill(ground);
    await filled;
    const { perSecond, latency, transactions: amount, failed } = await transactions(system, ground, script);
    if (failed > 0) throw new Error(`${failed} transactions failed.`);
    return { figures: { perSecond, latency }, work: { unit: "transaction", amount } as const };
  },
}));

async function transactions(
  system: System,
  ground: Ground,
  script: "select" | "tpcb",
): Promise<Transactions> {
  const { host, port } = system.at.postgres;
  const { pgbench } = ground.tools;
  if (pgbench === null) {
    const url = ground.postgres.url(host, port);
    return await ownTransactions(url, { script, clients: CLIENTS, scale: SCALE, ms: ground.ms });
  }
  const seconds = String(Math.ceil(ground.ms / 1000));
  const args = [
    ...(script === "select" ? ["-S"] : []),
    "-n",
    "-c",
    String(CLIENTS),
    "-j",
    "1",
    "-T",
    seconds,
  ];
  return parsePgbench(await run(ground, pgbench, { host, port }, args));
}

async function fill(ground: Ground): Promise<void> {
  const { pgbench } = ground.tools;
  if (pgbench === null) await initialisePostgres(ground.postgres.url(), SCALE);
  else await run(ground, pgbench, ground.servers.postgres, ["-i", "-q", "-s", String(SCALE)]);
}

async function run(
  ground: Ground,
  pgbench: string,
  at: { readonly host: string; readonly port: number },
  args: readonly string[],
): Promise<string> {
  const { user, database, password } = ground.postgres;
  const to = ["-h", at.host, "-p", String(at.port), "-U", user, database];
  return await ground.program("pgbench", pgbench, [...args, ...to], ground.ms + 60_000, {
    PGPASSWORD: password,
  });
}
