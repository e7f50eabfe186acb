/**
 * A server with the few commands of Redis that the shop uses, for machines without redis-server. It keeps everything in
 * memory, and listens at HOST and PORT.
 */
import { createServer } from "node:net";
import { encodeReply, RedisError, RespReader } from "./resp.ts";
import { Store } from "./store.ts";

process.title = "redis-cart";
const { HOST = "127.0.0.1", PORT = "6379" } = process.env;
const store = new Store();

const server = createServer((socket) => {
  const reader = new RespReader();
  socket.on("error", () => socket.destroy());
  socket.on("data", (piece) => {
    try {
      for (const command of reader.read(piece)) {
        const words = Array.isArray(command) ? command.map(String) : [String(command)];
        socket.write(encodeReply(store.run(words)));
      }
    } catch (error) {
      socket.end(encodeReply(new RedisError(`ERR ${error instanceof Error ? error.message : error}`)));
    }
  });
});
server.listen(Number(PORT), HOST, () => {
  console.log(JSON.stringify({ service: "redis-cart", listening: `${HOST}:${PORT}` }));
});
process.once("SIGTERM", () => process.exit(0));
