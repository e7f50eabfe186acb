/**
 * A program of site east: an HTTP API on top of a database of its site. It knows nothing of Fairlead.
 *
 *     GET /orders            the table orders as JSON
 *     GET /download?bytes=N  N bytes of stream.ts; their SHA-256 follows in the trailer content-sha256
 *     GET /ws                a WebSocket that echoes
 *
 * Its environment has HOST, where it listens, and DATABASE_URL. It prints {"port": N} once it listens.
 */
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { WebSocketServer } from "ws";
import { deterministicStream } from "./stream.ts";

const database = new pg.Pool({ connectionString: process.env.DATABASE_URL ?? "", max: 4 });
database.on("error", (error) => console.error(error.message));

async function sendOrders(response: ServerResponse): Promise<void> {
  const { rows } = await database.query("SELECT id, item, quantity FROM orders ORDER BY id");
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`${JSON.stringify(rows, null, 2)}\n`);
}

async function sendStream(response: ServerResponse, bytes: number): Promise<void> {
  const hash = createHash("sha256");
  response.writeHead(200, { "content-type": "application/octet-stream", trailer: "content-sha256" });
  const source = deterministicStream(bytes);
  source.on("data", (chunk: Buffer) => hash.update(chunk));
  source.on("end", () => response.addTrailers({ "content-sha256": hash.digest("hex") }));
  await pipeline(source, response);
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://east");
  const answer = async () => {
    if (url.pathname === "/orders") return await sendOrders(response);
    const bytes = Number(url.searchParams.get("bytes"));
    if (url.pathname === "/download" && Number.isSafeInteger(bytes) && bytes >= 0) {
      return await sendStream(response, bytes);
    }
    response.writeHead(404).end("GET /orders, /download?bytes=N or /ws\n");
  };
  answer().catch((error: unknown) => {
    console.error(error);
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end(`${error instanceof Error ? error.message : error}\n`);
  });
});

const sockets = new WebSocketServer({ server, path: "/ws" });
sockets.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});

server.listen(0, process.env.HOST, () => {
  const address = server.address();
  if (address !== null && typeof address === "object") console.log(JSON.stringify({ port: address.port }));
});
