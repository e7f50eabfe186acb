/**
 * The measured servers of the bench itself, as a process. `web` answers HTTP requests with 1 KiB. `source` sends for as
 * long as the client reads. `sink` reads everything, and sends the count of bytes every 100 ms (8 bytes, big endian).
 * `hold` echoes and stays open. `plain` and `http` are further ones. `grpc` answers each call with one message, and `messages` sends
 * messages until the call is cancelled. The process prints its addresses as JSON.
 */
import { createServer as createHttpServer } from "node:http";
import { constants, createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer, type Server } from "node:net";

import { framed, MESSAGE_BYTES } from "./clients/grpc.ts";

const HOST = process.argv[2] ?? "127.0.0.1";
const BODY = Buffer.alloc(1024, "x");
const CHUNK = Buffer.alloc(256 * 1024, "y");

const webServer = () => {
  const server = createHttpServer((_request, response) => {
    response.setHeader("content-type", "text/plain");
    response.end(BODY);
  });
  server.keepAliveTimeout = 60_000;
  return server;
};

const MESSAGE = framed(MESSAGE_BYTES);

/** A server of calls. Each call is answered by `reply`, and then ends with the status OK in its trailers. */
const grpcServer = (reply: (stream: ServerHttp2Stream) => void) => {
  const server = createHttp2Server();
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.resume();
    stream.respond(
      { ":status": constants.HTTP_STATUS_OK, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    reply(stream);
  });
  return server;
};

/**
 * Writes one message after the other, each by itself, as a server of events does. `drain` comes within the write that
 * the kernel takes at once (Node 24.21, November 2026), also after the peer has closed the connection: the next messages
 * wait for the event loop, which otherwise would never read that the call was cancelled.
 */
function sendMessages(stream: ServerHttp2Stream): void {
  const fill = () => {
    while (!stream.closed && !stream.destroyed && stream.write(MESSAGE));
  };
  stream.on("drain", () => setImmediate(fill));
  fill();
}

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
    web: await listen(webServer()),
    plain: await listen(webServer()),
    http: await listen(webServer()),
    grpc: await listen(grpcServer((stream) => stream.end(MESSAGE))),
    messages: await listen(grpcServer(sendMessages)),
    source: await listen(source),
    sink: await listen(sink),
    hold: await listen(hold),
  }),
);
