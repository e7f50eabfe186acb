/** A small HTTP server on loopback: the target of a service, or the page of another site. */
import { createServer, type Server } from "node:http";

/** The path that answers with status 500. */
export const BROKEN_PATH = "/broken";

export class HttpEcho {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** @param html what it answers to every request */
  static async start(
    html = "<!doctype html><link rel=icon href=data:,><title>Echo</title>",
  ): Promise<HttpEcho> {
    const server = createServer(({ url }, response) => {
      response.writeHead(url === BROKEN_PATH ? 500 : 200, { "content-type": "text/html" }).end(html);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("The server has no port.");
    return new HttpEcho(server, address.port);
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }
}
