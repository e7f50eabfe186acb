/** A client with the two scripts of pgbench, for machines without it. */
import { performance } from "node:perf_hooks";
import pg from "pg";
import type { Transactions } from "../parse/pgbench.ts";

const ACCOUNTS = 100_000;

type Client = pg.Client;

/** Creates and fills the tables of pgbench at a scale factor. */
export async function initialisePostgres(url: string, scale: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const table = (name: string, columns: string, fill: string) =>
    `DROP TABLE IF EXISTS pgbench_${name}; CREATE TABLE pgbench_${name} (${columns}); ${fill}`;
  const insert = (name: string, count: number, values: string) =>
    `INSERT INTO pgbench_${name} SELECT ${values} FROM generate_series(1, ${count}) AS i;`;
  await client.query(
    [
      table(
        "accounts",
        "aid int PRIMARY KEY, bid int, abalance int, filler char(84)",
        insert("accounts", scale * ACCOUNTS, `i, (i - 1) / ${ACCOUNTS} + 1, 0, ''`),
      ),
      table(
        "tellers",
        "tid int PRIMARY KEY, bid int, tbalance int",
        insert("tellers", scale * 10, "i, (i - 1) / 10 + 1, 0"),
      ),
      table("branches", "bid int PRIMARY KEY, bbalance int", insert("branches", scale, "i, 0")),
      table("history", "tid int, bid int, aid int, delta int, mtime timestamp", ""),
    ].join("\n"),
  );
  await client.end();
}

/** Runs select-only or TPC-B transactions for `ms`. */
export async function ownTransactions(
  url: string,
  options: {
    readonly script: "select" | "tpcb";
    readonly clients: number;
    readonly scale: number;
    readonly ms: number;
  },
): Promise<Transactions> {
  const { script, scale } = options;
  const clients = Array.from({ length: options.clients }, () => new pg.Client({ connectionString: url }));
  await Promise.all(clients.map((client) => client.connect()));
  let transactions = 0;
  const from = performance.now();
  const until = from + options.ms;
  try {
    await Promise.all(
      clients.map(async (client) => {
        while (performance.now() < until) {
          await (script === "select" ? select(client, scale) : tpcb(client, scale));
          transactions++;
        }
      }),
    );
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
  const seconds = (performance.now() - from) / 1000;
  const perSecond = transactions / seconds;
  return { perSecond, latency: (1000 * options.clients) / perSecond, transactions, failed: 0 };
}

const oneTo = (count: number) => 1 + Math.floor(Math.random() * count);

async function select(client: Client, scale: number): Promise<void> {
  await client.query(`SELECT abalance FROM pgbench_accounts WHERE aid = ${oneTo(scale * ACCOUNTS)}`);
}

async function tpcb(client: Client, scale: number): Promise<void> {
  const [aid, tid, bid, delta] = [oneTo(scale * ACCOUNTS), oneTo(scale * 10), oneTo(scale), oneTo(10_000)];
  // One statement after another, as pgbench does.
  for (const statement of [
    "BEGIN",
    `UPDATE pgbench_accounts SET abalance = abalance + ${delta} WHERE aid = ${aid}`,
    `SELECT abalance FROM pgbench_accounts WHERE aid = ${aid}`,
    `UPDATE pgbench_tellers SET tbalance = tbalance + ${delta} WHERE tid = ${tid}`,
    `UPDATE pgbench_branches SET bbalance = bbalance + ${delta} WHERE bid = ${bid}`,
    `INSERT INTO pgbench_history VALUES (${tid}, ${bid}, ${aid}, ${delta}, CURRENT_TIMESTAMP)`,
    "END",
  ]) {
    await client.query(statement);
  }
}
