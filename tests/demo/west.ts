/**
 * A program of site west: it uses a database and an HTTP API at addresses of its own site, and knows nothing of
 * Fairlead. It prints its steps as lines of JSON. It keeps its WebSocket until it is stopped, and opens another when it
 * breaks.
 *
 * Its environment has DATABASE_URL and API_URL.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { WebSocket } from "ws";
import { DOWNLOAD } from "./stream.ts";

const api = process.env.API_URL ?? "";

const say = (line: object) => console.log(JSON.stringify(line));

/** Runs a step, and prints its result and duration. */
async function step(name: string, act: () => Promise<string>): Promise<void> {
  const began = performance.now();
  const ms = () => Math.round(performance.now() - began);
  try {
    const detail = await act();
    say({ name, ok: true, ms: ms(), detail });
  } catch (error) {
    say({ name, ok: false, ms: ms(), detail: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  }
}

function check(fact: boolean, otherwise: string): void {
  if (!fact) throw new Error(otherwise);
}

async function open(path: string): Promise<IncomingMessage> {
  const [response] = (await once(get(new URL(path, api)), "response")) as [IncomingMessage];
  check(response.statusCode === 200, `GET ${path} got status ${response.statusCode}.`);
  return response;
}

async function useDatabase(): Promise<string> {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL ?? "" });
  await client.connect();
  try {
    await client.query(
      "CREATE TABLE orders (id serial PRIMARY KEY, item text NOT NULL, quantity int NOT NULL)",
    );
    await client.query("INSERT INTO orders (item, quantity) VALUES ('rope', 20), ('anchor', 1)");
    await client.query("BEGIN");
    await client.query("UPDATE orders SET quantity = quantity + $1 WHERE item = $2", [1, "anchor"]);
    await client.query("INSERT INTO orders (item, quantity) VALUES ($1, $2)", ["fairlead", 4]);
    await client.query("COMMIT");
    const { rows } = await client.query<{ sum: string }>("SELECT sum(quantity) FROM orders");
    check(rows[0]?.sum === "26", `The sum of quantities is ${rows[0]?.sum}, not 26.`);
    return "West ran 7 SQL statements on PostgreSQL in east, four of them in a transaction.";
  } finally {
    await client.end();
  }
}

async function readOrders(): Promise<string> {
  const orders = (await json(await open("/orders"))) as { item: string }[];
  const items = orders.map(({ item }) => item).join(", ");
  check(items === "rope, anchor, fairlead", `The orders are ${items}.`);
  return `West read the ${orders.length} orders that it had written, over HTTP from the API in east.`;
}

async function download(): Promise<string> {
  const began = performance.now();
  const response = await open(`/download?bytes=${DOWNLOAD.bytes}`);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  const digest = hash.digest("hex");
  check(bytes === DOWNLOAD.bytes, `${bytes} bytes arrived, not ${DOWNLOAD.bytes}.`);
  check(digest === DOWNLOAD.sha256, `The SHA-256 is ${digest}, not ${DOWNLOAD.sha256}.`);
  check(digest === response.trailers["content-sha256"], "The trailer has another SHA-256.");
  const rate = Math.round(bytes / 1e6 / ((performance.now() - began) / 1000));
  return `West downloaded 256 MiB from east at ${rate} MB/s, with the right SHA-256: ${digest.slice(0, 12)}…`;
}

async function openSocket(): Promise<WebSocket> {
  const socket = new WebSocket(new URL("/ws", api));
  await once(socket, "open");
  return socket;
}

async function exchange(socket: WebSocket, messages: number): Promise<void> {
  for (let number = 1; number <= messages; number++) {
    const text = `message ${number}`;
    const answer = once(socket, "message");
    socket.send(text);
    const [data] = (await answer) as [Buffer];
    check(data.toString() === text, `The WebSocket returned ${data}.`);
  }
}

let socket: WebSocket | undefined;

await step("sql", useDatabase);
await step("orders", readOrders);
await step("websocket", async () => {
  socket = await openSocket();
  await exchange(socket, 10);
  return "West opened a WebSocket to east and exchanged 10 messages.";
});
await step("download", download);
await step("websocket.held", async () => {
  check(socket?.readyState === WebSocket.OPEN, "The WebSocket has closed.");
  if (socket) await exchange(socket, 10);
  return "The same WebSocket stayed open and exchanged 10 more messages.";
});

for (;;) {
  if (socket) await once(socket, "close");
  say({ notice: "The WebSocket of west broke." });
  for (socket = undefined; socket === undefined; ) {
    try {
      const opened = await openSocket();
      opened.on("error", () => {});
      await exchange(opened, 1);
      socket = opened;
      say({ notice: "West has opened another WebSocket to east." });
    } catch {
      await sleep(250);
    }
  }
}
