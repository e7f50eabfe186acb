/**
 * Serves the clients of listeners that speak HTTP: HTTP/1.1 and HTTP/2 on the same port, told apart by the first bytes.
 * Each request is an exchange of its own, so that each may go to another instance of the service.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import { fieldOf, forwardedNode, withTraceparent } from "../../../protocol/exchange/fields.ts";
import { isGrpc } from "../../../protocol/exchange/grpc.ts";
import { loopOf } from "../../../protocol/exchange/passages.ts";
import { formatAddress } from "../../net/local-socket.ts";
import type { Flow } from "../../relay/flow.ts";
import type { Relay } from "../../relay/relay.ts";
import type { RequestProtocol } from "../../relay/request-report.ts";
import { Exchange, type ExchangeContext } from "./exchange.ts";
import { type ExchangeOpener, NO_REPEATS, type RepeatPolicy } from "./exchange-opener.ts";
import { protocolOf } from "./first-bytes.ts";
import { withClient } from "./forwarded-fields.ts";
import { Http1Connection } from "./http1-connection.ts";
import { Http2Connection } from "./http2-connection.ts";
import type { RequestRefusal } from "./request-refusal.ts";
import type { ClientRequest, ServerConnection, ServerContext } from "./server-connection.ts";
import { SERVER_LIMITS, type ServerLimits } from "./server-limits.ts";

export interface HttpServerOptions {
  readonly opener: ExchangeOpener;
  /** Decides which requests are sent again after a failure; none unless given. */
  readonly repeats?: RepeatPolicy;
  readonly relay: Relay;
  /** Counts the streams behind a client's connection; 0 unless given. @throws FairleadError service.loop */
  readonly dials?: { behind(client: Socket): Promise<number> };
  /** Called when a request was refused because it goes in a circle. */
  readonly onLoop?: (place: ClientPlace) => void;
  /** Whether an address is that of a trusted proxy before the service's listeners; none unless given. */
  readonly isTrusted?: (service: string, address: string) => boolean;
  readonly limits?: ServerLimits;
}

/** Where a client came in. */
export interface ClientPlace {
  readonly service: string;
  /** The port of the service; its first one unless given. */
  readonly port?: number | undefined;
}

export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #limits: ServerLimits;
  readonly #connections = new Set<ServerConnection>();
  /** Connections whose first bytes have not come, with the time since when. */
  readonly #waiting = new Map<Socket, number>();
  readonly #exchanges = new Set<Exchange>();
  readonly #exchangeContext: ExchangeContext;
  #timer: NodeJS.Timeout | null = null;
  #now = performance.now();
  #isDraining = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const limits = options.limits ?? SERVER_LIMITS;
    const server = this;
    this.#limits = limits;
    this.#exchangeContext = {
      opener: options.opener,
      repeats: options.repeats ?? NO_REPEATS,
      limits,
      requests: options.relay.requests,
      get now() {
        return server.#now;
      },
      watch: (exchange) => void this.#exchanges.add(exchange),
      unwatch: (exchange) => void this.#exchanges.delete(exchange),
    };
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size + this.#waiting.size;
  }

  /** Exchanges whose stream or response has not ended. */
  get exchanges(): number {
    return this.#exchanges.size;
  }

  /** Serves one client. Never throws. @param socket half-open, and read by nothing else */
  serve(place: ClientPlace, socket: Socket): void {
    this.#sweep();
    this.#waiting.set(socket, this.#now);
    const circle = this.#circleOf(socket);
    let first: Buffer | null = null;
    const take = (bytes: Buffer): void => {
      first = first === null ? bytes : Buffer.concat([first, bytes]);
      const protocol = protocolOf(first);
      if (protocol === null) return;
      const start = { protocol, first };
      socket.off("data", take);
      socket.off("end", leave);
      socket.pause();
      const connect = (behind: Behind): void => {
        socket.off("close", forget);
        socket.off("error", ignore);
        if (!this.#waiting.delete(socket) || socket.destroyed) return;
        this.#connect(place, socket, { ...start, ...behind });
      };
      if (circle === null) connect(NOTHING_BEHIND);
      else void circle.then(connect);
    };
    const leave = (): void => void socket.destroySoon();
    const forget = (): void => void this.#waiting.delete(socket);
    const ignore = (): void => {};
    socket.on("data", take);
    socket.on("end", leave);
    socket.on("close", forget);
    socket.on("error", ignore);
  }

  /** Closes idle connections, and the others after the requests that they have. */
  drain(): void {
    this.#isDraining = true;
    for (const socket of this.#waiting.keys()) socket.destroySoon();
    for (const connection of this.#connections) connection.drain();
  }

  /** Closes every connection now. */
  close(): void {
    this.#isDraining = true;
    for (const socket of this.#waiting.keys()) socket.resetAndDestroy();
    for (const connection of this.#connections) connection.destroy();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** What is behind the client's connection; null where nothing can be. */
  #circleOf(socket: Socket): Promise<Behind> | null {
    const { dials } = this.#options;
    if (dials === undefined) return null;
    return dials.behind(socket).then(
      (hops) => ({ hops, refusal: null }),
      (thrown: unknown) => ({ hops: 0, refusal: asFairleadError(thrown, "stream.internal") }),
    );
  }

  #connect(place: ClientPlace, socket: Socket, { protocol, first, ...behind }: FirstBytes & Behind): void {
    const context = this.#context(place, socket, { ...behind, protocol });
    if (protocol === "http2") {
      socket.unshift(first);
      this.#connections.add(new Http2Connection(socket, context));
      return;
    }
    const connection = new Http1Connection(socket, context);
    this.#connections.add(connection);
    connection.take(first);
    socket.resume();
  }

  /** What a connection needs of the server. */
  #context(
    { service, port }: ClientPlace,
    socket: Socket,
    { protocol, ...behind }: Behind & Pick<FirstBytes, "protocol">,
  ): ServerContext {
    const server = this;
    const { relay, isTrusted } = this.#options;
    const { remoteAddress, remotePort = 0 } = socket;
    const address = remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, "") ?? null;
    const client = address === null ? null : formatAddress(address, remotePort);
    const known = address ?? "unknown";
    const trusts = (other: string): boolean => isTrusted?.(service, other) === true;
    const node = forwardedNode(known);
    const start = (carried: RequestProtocol, traceparent: string | null = null): Flow =>
      relay.start({ side: "listener", service, client, protocol: carried, traceparent });
    return {
      limits: this.#limits,
      scheme: socket instanceof TLSSocket ? "https" : "http",
      get now() {
        return server.#now;
      },
      get isDraining() {
        return server.#isDraining;
      },
      exchange: ({ request, version, ...rest }: ClientRequest) => {
        const refusal = behind.refusal ?? loopOf(request);
        if (refusal?.code === "service.loop") server.#options.onLoop?.({ service, port });
        const facts = { address: known, node, version, isTrusted: trusts(known) ? trusts : null };
        const head = withClient(request, facts);
        const { hops } = behind;
        const carried = isGrpc(head) ? "grpc" : rest.client.protocol;
        const flow = start(carried, fieldOf(head.fields, "traceparent"));
        return new Exchange(server.#exchangeContext, {
          ...rest,
          request: flow.trace === null ? head : withTraceparent(head, flow.trace.traceparent),
          flow,
          hops,
          port,
          refusal,
        });
      },
      refused: ({ message }: RequestRefusal) => {
        start(protocol).end(new FairleadError("stream.cancelled", `The request was refused: ${message}`));
      },
      closed: (connection: ServerConnection) => void server.#connections.delete(connection),
    };
  }

  /** Looks at the times of all connections now and then, as long as there are any. */
  #sweep(): void {
    if (this.#timer !== null) return;
    this.#now = performance.now();
    this.#timer = setInterval(() => {
      this.#now = performance.now();
      const now = this.#now;
      const { headMs } = this.#limits;
      for (const [socket, since] of this.#waiting) if (now - since >= headMs) socket.destroy();
      for (const connection of this.#connections) connection.check(now);
      for (const exchange of this.#exchanges) exchange.check(now);
      if (this.connections > 0 || this.exchanges > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    }, this.#limits.sweepMs).unref();
  }
}

interface FirstBytes {
  readonly protocol: "http1" | "http2";
  readonly first: Buffer;
}

/** The streams behind a client's connection, and why its requests are refused. */
interface Behind {
  readonly hops: number;
  readonly refusal: FairleadError | null;
}

const NOTHING_BEHIND: Behind = { hops: 0, refusal: null };
