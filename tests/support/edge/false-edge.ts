/**
 * A false edge on the path of sites that trust public CAs. A trusted CA wrongly issued it a certificate for the edge's
 * address. It relays what it does not alter.
 */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer, request } from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../../connector/edge/credentials/certificates.ts";
import type { Edge } from "../process/cluster.ts";

type Json = Record<string, unknown>;

export class FalseEdge {
  /** Alters the edge's answers to redemptions and renewals. */
  alter: (answer: Json, path: string) => Json = (answer) => answer;
  /** Whether it is on the path to the edge's API. */
  present = true;
  /** Its own URL, which a deceived site would dial. */
  url = "";
  /** The CA that wrongly issued its certificate, PEM. */
  readonly publicCa: string;
  /** URL of the proxy that its victims must use. */
  way = "";
  /** Count of requests that it answered in place of the edge. */
  answered = 0;
  /** Count of connections to its own address. */
  dialled = 0;
  readonly #edge: Edge;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(edge: Edge, publicCa: string) {
    this.#edge = edge;
    this.publicCa = publicCa;
  }

  static async start(edge: Edge): Promise<FalseEdge> {
    const authority = await makeDeploymentAuthority(Date.now());
    const names = ["127.0.0.1", new URL(edge.apiUrl).hostname];
    const own = await makeServerCertificate({ names, authority, now: Date.now() });
    const self = new FalseEdge(edge, authority.certificate);
    const tls = { cert: own.certificate, key: own.privateKey };
    const inItsPlace = createServer(tls, (incoming, response) => {
      self.answered += 1;
      const path = incoming.url ?? "";
      incoming
        .toArray()
        .then((chunks) => self.#relay(path, Buffer.concat(chunks)))
        .then(
          ({ status, text }) => {
            const body = status === 200 ? JSON.stringify(self.alter(JSON.parse(text), path)) : text;
            response.writeHead(status, { "content-type": "application/json" }).end(body);
          },
          () => response.destroy(),
        );
    });
    const elsewhere = createServer(tls, (_, response) => response.writeHead(404).end());
    elsewhere.on("connection", () => {
      self.dialled += 1;
    });
    const at = await self.#listen(inItsPlace);
    self.url = `https://127.0.0.1:${await self.#listen(elsewhere)}`;
    const way = createHttpServer().on("connect", (asked, client: Socket) => {
      const [host, port] = (asked.url ?? "").split(":");
      const taken = self.present && port === new URL(edge.apiUrl).port;
      const target = self.#track(connect(taken ? at : Number(port), taken ? "127.0.0.1" : host));
      target.once("connect", () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        client.pipe(target).pipe(client);
      });
      client.once("close", () => target.destroy());
      target.once("close", () => client.destroy());
    });
    self.way = `http://127.0.0.1:${await self.#listen(way)}`;
    return self;
  }

  /** Environment of a victim: it trusts the CA and uses the proxy. */
  get env(): { readonly HTTPS_PROXY: string; readonly NO_PROXY: string } {
    return { HTTPS_PROXY: this.way, NO_PROXY: "" };
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
  }

  async #listen(server: Server): Promise<number> {
    this.#servers.push(server);
    server.on("connection", (socket) => this.#track(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  #track(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }

  async #relay(path: string, body: Buffer): Promise<{ status: number; text: string }> {
    const { localUrl, ca } = this.#edge;
    const headers = { "content-type": "application/json" };
    const sent = request(`${localUrl}${path}`, { method: "POST", headers, ca, agent: false });
    sent.end(body);
    const [response] = await once(sent, "response");
    const chunks: Buffer[] = await response.toArray();
    return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") };
  }
}
