/**
 * The measured servers of the bench itself, as a process. `web` answers HTTP requests with 1 KiB. `source` sends for as
 * long as the client reads. `sink` reads everything, and sends the count of bytes every 100 ms (8 bytes, big endian).
 * `hold` echoes and stays open. The process prints its addresses as JSON.
 */
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";

const HOST = process.argv[2] ?? "127.0.0.1";
const BODY = Buffer.alloc(1024, "x");
const CHUNK = Buffer.alloc(256 * 1024, "y");

const web = createHttpServer((_request, response) => {
  response.setHeader("content-type", "text/plain");
  response.end(BODY);
});
web.keepAliveTimeout = 60_000;

const source = createServer((socket) => {
  const fill = () => {
    while (socket.writable && socket.write(CHUNK));
  };
  socket.on("drain", fill);
  socket.on("error", () => {});
  fill();
});

const sink = createServer((socket) => {
  let bytes = 0;
  socket.on("data", (chunk) => {
    bytes += chunk.length;
  });
  const timer = setInterval(() => {
    const message = Buffer.alloc(8);
    message.writeBigUInt64BE(BigInt(bytes));
    if (socket.writable) socket.write(message);
  }, 100);
  socket.on("close", () => clearInterval(timer));
  socket.on("error", () => {});
});

const hold = createServer((socket) => {
  socket.on("error", () => {});
  socket.pipe(socket);
});

async function listen(server: Server): Promise<{ host: string; port: number }> {
  await new Promise<void>((done) => server.listen({ port: 0, host: HOST, backlog: 4096 }, done));
  return { host: HOST, port: (server.address() as AddressInfo).port };
}

console.log(
  JSON.stringify({
    web: await listen(web),
    source: await listen(source),
    sink: await listen(sink),
    hold: await listen(hold),
  }),
);
