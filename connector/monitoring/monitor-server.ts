/**
 * The HTTP server for monitoring: `/metrics` for Prometheus, `/healthz` (the process lives) and `/readyz` (it is ready).
 * It answers GET and HEAD, without a key: whoever reaches the address may read. It tries to bind until it succeeds.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import { CONTENT_TYPES, exposition, formatOf } from "../../protocol/metrics/exposition.ts";
import type { MetricFamily } from "../../protocol/metrics/metric.ts";
import { formatMetricsAddress, type MetricsAddress, sameMetricsAddress } from "../config/metrics-address.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";
import type { Readiness } from "./readiness.ts";

/** Whose names metrics have. */
export type MetricNames = "fairlead" | "skupper";

export interface MonitorServerOptions {
  /** Null for none. */
  readonly address: MetricsAddress | null;
  readonly families: (names: MetricNames) => Iterable<MetricFamily>;
  readonly readiness: () => Readiness;
  readonly log: Log;
  /** Called when the server begins to listen, and when it ends. */
  readonly onChange?: (isListening: boolean) => void;
  readonly retry?: { readonly base: number; readonly cap: number };
}

/** The most clients at a time, and what each may take of the connector. */
const MAX_CONNECTIONS = 32;
const MAX_HEADER = 8 * 1024;
/** A client has this time to send its request, and to take in a response, ms. */
const CLIENT_MS = 10_000;
/** Prometheus keeps connections between scrapes; further ones are closed, ms. */
const IDLE_MS = 65_000;
/** Shorter texts are not compressed, UTF-16 code units. */
const MIN_COMPRESSED = 4096;

const compress = promisify(gzip);

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export class MonitorServer {
  readonly #options: MonitorServerOptions;
  readonly #backoff: Backoff;
  #address: MetricsAddress | null;
  #server: Server | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isStarted = false;

  constructor(options: MonitorServerOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#backoff = new Backoff({ base: 1000, cap: 15_000, ...options.retry, random: Math.random });
  }

  /** The port, once the server listens. */
  get port(): number | null {
    const address = this.#server?.address();
    return typeof address === "object" && address !== null ? address.port : null;
  }

  start(): void {
    this.#isStarted = true;
    this.#bind();
  }

  /** Serves at another address from now on, or nowhere. */
  configure(address: MetricsAddress | null): void {
    if (sameMetricsAddress(address, this.#address)) return;
    this.#release();
    this.#address = address;
    this.#backoff.reset();
    if (this.#isStarted) this.#bind();
  }

  close(): void {
    this.#isStarted = false;
    this.#release();
  }

  #release(): void {
    clearTimeout(this.#timer);
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.close();
    server.closeAllConnections();
    this.#options.onChange?.(false);
  }

  #bind(): void {
    const address = this.#address;
    if (address === null) return;
    const server = createServer({
      maxHeaderSize: MAX_HEADER,
      headersTimeout: CLIENT_MS,
      requestTimeout: CLIENT_MS,
      keepAliveTimeout: IDLE_MS,
      connectionsCheckingInterval: CLIENT_MS / 2,
    });
    this.#server = server;
    server.maxConnections = MAX_CONNECTIONS;
    // A client that does not read its response.
    server.setTimeout(IDLE_MS + CLIENT_MS, (socket) => void socket.destroy());
    server.on("request", (request, response) => void this.#answer(request, response));
    server.on("error", (error: NodeJS.ErrnoException) => {
      if (this.#server === server && !server.listening) this.#failed(address, error);
    });
    server.listen({ port: address.port, ...(address.host === null ? {} : { host: address.host }) }, () => {
      this.#backoff.reset();
      const at = formatMetricsAddress(address);
      this.#options.log.info({ address: at }, "Metrics and health are served.");
      this.#options.onChange?.(true);
    });
  }

  #failed(address: MetricsAddress, { message }: Error): void {
    this.#server = null;
    const code: ErrorCode = "metrics.unavailable";
    const { meaning, action } = ERRORS[code];
    const retryMs = this.#backoff.next();
    const fields = { code, address: formatMetricsAddress(address), action, retryMs };
    this.#options.log.error(fields, `${meaning} ${message}`);
    this.#timer = setTimeout(() => this.#bind(), retryMs).unref();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    request.resume();
    try {
      const reply = this.#reply(request);
      await send(request, response, reply);
    } catch (thrown) {
      this.#options.log.error({}, `A request for metrics failed: ${String(thrown)}`);
      response.destroy();
    }
  }

  #reply({ method, url = "/", headers }: IncomingMessage): Reply {
    if (method !== "GET" && method !== "HEAD") return plain(405, "Only GET and HEAD are answered.");
    const parsed = URL.parse(url, "http://connector");
    switch (parsed?.pathname) {
      case "/metrics": {
        const names = parsed.searchParams.get("names") ?? "fairlead";
        if (names !== "fairlead" && names !== "skupper")
          return plain(400, "The parameter names is fairlead or skupper.");
        const format = formatOf(headers.accept);
        const text = exposition(this.#options.families(names), format);
        return { status: 200, type: CONTENT_TYPES[format], text };
      }
      case "/healthz":
        return plain(200, "ok");
      case "/readyz": {
        const readiness = this.#options.readiness();
        const text = `${JSON.stringify(readiness, null, 2)}\n`;
        return { status: readiness.ready ? 200 : 503, type: "application/json", text };
      }
      default:
        return plain(404, "Paths are /metrics, /healthz and /readyz.");
    }
  }
}

const plain = (status: number, text: string): Reply => ({
  ...{ status, type: "text/plain; charset=utf-8" },
  text: `${text}\n`,
});

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, text }: Reply,
): Promise<void> {
  const isCompressed = text.length >= MIN_COMPRESSED && /\bgzip\b/.test(headerOf(request, "accept-encoding"));
  const body = isCompressed ? await compress(text) : Buffer.from(text);
  response.writeHead(status, {
    "content-type": type,
    "content-length": body.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(isCompressed ? { "content-encoding": "gzip" } : {}),
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function headerOf({ headers }: IncomingMessage, name: string): string {
  const value = headers[name];
  return typeof value === "string" ? value : "";
}
