/** A gateway over real mutual TLS that follows a script of the test. */

import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { type ErrorCode, FairleadError, toErrorBody } from "../../../protocol/errors.ts";
import { EDGE_FEATURES, type Hello, type Welcome } from "../../../protocol/uplink/messages.ts";
import type { TestDeployment } from "../authority/test-deployment.ts";

/** Verdict on an upgrade: a code refuses it; otherwise it is accepted or never answered. */
export type Verdict =
  | ErrorCode
  | "silence"
  | { readonly status: number; readonly body: string; readonly location?: string }
  | null;

export interface Script {
  upgrade?: (request: IncomingMessage) => Verdict;
  open?: (socket: WebSocket, request: IncomingMessage) => void;
  message?: (socket: WebSocket, message: { type: string; id?: number } & Record<string, unknown>) => void;
}

export class ScriptedEdge {
  script: Script;
  readonly requests: IncomingMessage[] = [];
  readonly sockets: WebSocket[] = [];
  readonly deployment: TestDeployment;
  readonly #server: Server;

  private constructor(deployment: TestDeployment, server: Server, script: Script) {
    this.deployment = deployment;
    this.#server = server;
    this.script = script;
  }

  static async start(
    deployment: TestDeployment,
    script: Script = {},
    name = "127.0.0.1",
  ): Promise<ScriptedEdge> {
    const { certificate, privateKey } = await deployment.serverCertificate(name);
    const server = createServer({
      cert: certificate,
      key: privateKey,
      ca: deployment.ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const edge = new ScriptedEdge(deployment, server, script);
    const sockets = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      edge.requests.push(request);
      const verdict = edge.script.upgrade?.(request) ?? null;
      if (verdict === "silence") return;
      if (verdict !== null) {
        const { status, body, location } = refusal(verdict);
        const length = Buffer.byteLength(body);
        const to = location === undefined ? "" : `location: ${location}\r\n`;
        socket.end(
          `HTTP/1.1 ${status} No\r\n${to}content-length: ${length}\r\nconnection: close\r\n\r\n${body}`,
        );
        return;
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) => edge.#take(webSocket, request));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    deployment.links = edge.url;
    onTestFinished(() => edge.stop());
    return edge;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Closes every connection and the listener. */
  stop(): void {
    for (const socket of this.sockets) socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  welcome(hello: Pick<Hello, "type">, services: Welcome["services"] = []): Welcome {
    if (hello.type !== "hello") throw new Error(`The first message is ${hello.type}, not hello.`);
    const { network, site } = this.deployment;
    return {
      type: "welcome",
      version: 1,
      features: [...EDGE_FEATURES],
      network: { id: network.id, name: "shop" },
      site: { id: site, name: "west" },
      time: Date.now(),
      links: [],
      incoming: [],
      refused: [],
      services,
    };
  }

  #take(socket: WebSocket, request: IncomingMessage): void {
    this.sockets.push(socket);
    socket.on("message", (data) => {
      const text = data.toString();
      if (text === "p") {
        if (!this.script.open) socket.send("P");
        return;
      }
      this.script.message?.(socket, JSON.parse(text));
    });
    this.script.open?.(socket, request);
  }
}

/** Returns the serial number of the client's certificate. */
export function clientSerial(request: IncomingMessage): string {
  return (request.socket as TLSSocket).getPeerX509Certificate()?.serialNumber ?? "";
}

function refusal(verdict: Exclude<Verdict, "silence" | null>): Exclude<Verdict, string | null> {
  if (typeof verdict !== "string") return verdict;
  const error = new FairleadError(verdict);
  return {
    status: error.entry.status,
    body: JSON.stringify({ error: toErrorBody(error), requestId: "r1" }),
  };
}
