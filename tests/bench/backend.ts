/**
 * The server that is measured, as a process of its own: answers HTTP requests with 1 KiB, and sends bytes over
 * plain TCP for as long as the client reads. Prints its two ports as JSON.
 */
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";

const HOST = process.argv[2] ?? "127.0.0.1";
const BODY = Buffer.alloc(1024, "x");
const CHUNK = Buffer.alloc(256 * 1024, "y");

const http = createHttpServer((_request, response) => {
  response.setHeader("content-type", "text/plain");
  response.end(BODY);
});
http.keepAliveTimeout = 60_000;

const bulk = createServer((socket) => {
  const fill = () => {
    while (socket.writable && socket.write(CHUNK));
  };
  socket.on("drain", fill);
  socket.on("error", () => {});
  fill();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, HOST, done));
  return (server.address() as AddressInfo).port;
}

console.log(JSON.stringify({ http: await listen(http), bulk: await listen(bulk) }));
