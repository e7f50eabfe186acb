/**
 * Forwards requests to workerd over its Unix sockets. What the connection proved becomes `request.cf`, in
 * Cloudflare's form: it travels in a header that is removed from requests of clients.
 */
import { Agent, type IncomingMessage, type RequestOptions, request, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import { FairleadError } from "../../../protocol/errors.ts";
import { PLATFORM_HEADER, PROTOCOL_HEADER } from "../workerd/workerd-config.ts";
import { refuse, refuseUpgrade } from "./refusal.ts";

/** Headers of one connection, which are not forwarded. RFC 9110, section 7.6.1. */
const CONNECTION_HEADERS = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"];
/** The framing of a chunked body is written anew. */
const RESPONSE_DROPPED: ReadonlySet<string> = new Set([...CONNECTION_HEADERS, "transfer-encoding"]);
/** Headers that only the front may set. */
const FRONT_HEADERS = [PLATFORM_HEADER, PROTOCOL_HEADER, "cf-connecting-ip"];
const REQUEST_DROPPED: ReadonlySet<string> = new Set([...RESPONSE_DROPPED, ...FRONT_HEADERS]);

export interface ForwarderOptions {
  /** Path of workerd's Unix socket. */
  readonly socketPath: string;
  /** Most requests in flight to workerd; further ones wait. Upgraded connections do not count. */
  readonly requests: number;
  /** The scheme of the requests; https unless given. */
  readonly scheme?: "http" | "https" | undefined;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #agent: Agent;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    // A new connection for each request: workerd could close a kept one just as the next request is sent.
    this.#agent = new Agent({ keepAlive: false, maxSockets: options.requests });
  }

  /**
   * Forwards a request and its response.
   *
   * @param platform what the Worker finds in `request.cf`
   */
  forward(incoming: IncomingMessage, answer: ServerResponse, platform: object): void {
    const sent = request({
      ...this.#target(incoming, platform, isChunked(incoming) ? ["transfer-encoding", "chunked"] : []),
      agent: this.#agent,
    });
    answer.once("close", () => sent.destroy());
    sent.once("response", (received) => {
      answer.writeHead(
        received.statusCode ?? 502,
        received.statusMessage,
        keptHeaders(received, RESPONSE_DROPPED),
      );
      pipeline(received, answer, () => {});
    });
    sent.on("error", () => {
      if (answer.headersSent) answer.destroy();
      else refuse(answer, new FairleadError("edge.restarting"));
    });
    pipeline(incoming, sent, () => {});
  }

  /**
   * Forwards the upgrade of a WebSocket, and then its bytes in both directions.
   *
   * @param head bytes that the client sent after the request
   * @param upgraded called when the Worker has accepted
   */
  upgrade(
    incoming: IncomingMessage,
    client: Duplex,
    head: Buffer,
    platform: object,
    upgraded: () => void,
  ): void {
    const sent = request({
      ...this.#target(incoming, platform, ["connection", "Upgrade", "upgrade", "websocket"]),
      agent: false,
      createConnection: () => connect({ path: this.#options.socketPath, allowHalfOpen: true }),
    });
    client.once("close", () => sent.destroy());
    client.on("error", () => sent.destroy());
    sent.once("upgrade", (received, worker, rest) => {
      client.write(statusLine(received) + headerLines(received.rawHeaders));
      if (rest.length > 0) client.write(rest);
      if (head.length > 0) worker.write(head);
      upgraded();
      joinUpgraded(client, worker);
    });
    sent.once("response", (received) => {
      client.write(
        statusLine(received) +
          headerLines([...keptHeaders(received, RESPONSE_DROPPED), "connection", "close"]),
      );
      pipeline(received, client, () => {});
    });
    sent.on("error", () => {
      if (!client.writableEnded) refuseUpgrade(client, new FairleadError("edge.restarting"));
    });
    sent.end();
  }

  #target(incoming: IncomingMessage, platform: object, further: readonly string[]): RequestOptions {
    const headers = keptHeaders(incoming, REQUEST_DROPPED);
    headers.push(
      PLATFORM_HEADER,
      JSON.stringify(platform),
      PROTOCOL_HEADER,
      this.#options.scheme ?? "https",
      ...further,
    );
    return {
      socketPath: this.#options.socketPath,
      method: incoming.method,
      path: incoming.url,
      headers,
      setHost: false,
    };
  }
}

const isChunked = ({ headers }: IncomingMessage): boolean => headers["transfer-encoding"] !== undefined;

/** The forwarded headers, names and values in turn, without those that the connection header names. */
function keptHeaders({ headers, rawHeaders }: IncomingMessage, dropped: ReadonlySet<string>): string[] {
  const named = (headers.connection ?? "").toLowerCase().split(/\s*,\s*/);
  const kept: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = "", value = ""] = [rawHeaders[at], rawHeaders[at + 1]];
    const key = name.toLowerCase();
    if (!dropped.has(key) && !named.includes(key)) kept.push(name, value);
  }
  return kept;
}

const statusLine = ({ statusCode, statusMessage }: IncomingMessage): string =>
  `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;

function headerLines(rawHeaders: readonly string[]): string {
  let lines = "";
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    lines += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  return `${lines}\r\n`;
}

/**
 * Pipes both directions with backpressure. Each direction ends by itself; an error at one end destroys the
 * other.
 */
function joinUpgraded(client: Duplex, worker: Duplex): void {
  for (const [from, to] of [
    [client, worker],
    [worker, client],
  ] as const) {
    from.on("error", () => to.destroy());
    from.once("close", () => {
      if (!from.readableEnded || !from.writableFinished) to.destroy();
    });
    from.pipe(to);
  }
}
