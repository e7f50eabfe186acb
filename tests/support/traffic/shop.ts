/** Services of a web shop: some with HTTP, and a store. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { serve } from "./servers.ts";

const closing: (() => void)[] = [];

/** Closes the web services. The stores end with the test file. */
export function closeShop(): void {
  for (const close of closing.splice(0)) close();
}

/** Starts a web service that answers with its name. */
export async function serveHttp(name: string): Promise<string> {
  const server = createServer((request, response) => {
    response.end(JSON.stringify({ service: name, path: request.url }));
  });
  server.listen(0, "127.3.0.3");
  await once(server, "listening");
  closing.push(() => server.close().closeAllConnections());
  return `127.3.0.3:${(server.address() as AddressInfo).port}`;
}

/** Starts a store with the inline commands SET, GET and PING of the Redis protocol. */
export async function serveStore(): Promise<string> {
  const values = new Map<string, string>();
  const answer = ([command, key = "", value = ""]: string[]): string => {
    if (command === "PING") return "+PONG";
    if (command === "SET") values.set(key, value);
    return command === "SET" ? "+OK" : `+${values.get(key) ?? ""}`;
  };
  const { at } = await serve((socket) => {
    socket.on("data", (data) => socket.write(`${answer(data.toString().trim().split(" "))}\r\n`));
    socket.on("end", () => socket.end());
  });
  return at;
}

/** Sends a line. Returns the next answer. */
export async function ask(socket: Socket, line: string): Promise<string> {
  socket.write(`${line}\r\n`);
  return String((await once(socket, "data"))[0]).trim();
}
