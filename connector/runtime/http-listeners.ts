/** The HTTP server of this connector's listeners, whose exchanges are streams to other sites. */

import { EXCHANGE_KIND } from "../../protocol/exchange/head.ts";
import type { ServiceProtocol } from "../../protocol/names.ts";
import { isSampled, TRACEPARENT_LENGTH, Traceparent } from "../../protocol/trace-context.ts";
import type { VisibleOffer, VisibleService } from "../../protocol/uplink/messages.ts";
import type { HopPolicy } from "../config/hop-policy.ts";
import type { Retries } from "../http/retry/retries.ts";
import type { ExchangeOpener, OpenedExchange } from "../http/server/exchange-opener.ts";
import { HttpServer, type HttpServerOptions } from "../http/server/http-server.ts";
import type { Turn, Verdict } from "../listeners/balancer.ts";
import type { Catalogue } from "../listeners/catalogue.ts";
import type { OpenedStream } from "../listeners/open-stream.ts";
import { lossOf, type StreamOpener } from "../listeners/stream-opener.ts";
import type { RelayStream } from "../relay/relay.ts";
import type { Part } from "./part.ts";

export interface HttpListenersOptions
  extends Pick<HttpServerOptions, "relay" | "dials" | "onLoop" | "isTrusted"> {
  readonly catalogue: Pick<Catalogue, "lookupPort">;
  readonly hop: HopPolicy;
  readonly opener: StreamOpener;
  readonly retries: Retries;
}

/** The port of a service that a listener is for. */
export interface ListenedPort {
  readonly service: string;
  readonly port: number;
  readonly protocol: ServiceProtocol;
}

/** The clients of listeners that speak HTTP. */
export interface HttpListeners extends Part {
  readonly server: HttpServer;
  /** Whether the clients of a listener are served a request at a time. */
  takes(at: ListenedPort): boolean;
}

export function makeHttpListeners(options: HttpListenersOptions): HttpListeners {
  const { catalogue, hop, opener, retries, ...rest } = options;
  const server = new HttpServer({ ...rest, opener: exchangeOpener(opener), repeats: retries });
  return {
    server,
    takes: (at) => servesRequests(at, catalogue.lookupPort(at.service, at.port), hop),
    drain: () => server.drain(),
    close: () => server.close(),
  };
}

/** Whether the port speaks HTTP, and an instance that this site may use serves exchanges. */
export function servesRequests(
  { protocol, service: name }: ListenedPort,
  service: VisibleService | undefined,
  hop: HopPolicy,
): boolean {
  if (protocol !== "http" && protocol !== "http2") return false;
  const offers = service?.offers.filter(({ kinds }) => kinds?.includes(EXCHANGE_KIND) === true) ?? [];
  return hop.usable(name, offers).length > 0;
}

function exchangeOpener(opener: StreamOpener): ExchangeOpener {
  return {
    open: ({ flow, early, signal, hops, port, traceparent, tried, repeats }) => {
      const request = { hops, port, kind: EXCHANGE_KIND, traceparent: checked(traceparent) };
      return opener
        .openTurn({ flow, early, signal, request, tried: instancesOf(tried), repeats })
        .then((opened) => new InstanceExchange(opened));
    },
  };
}

/** An exchange at an instance that the balancer selected. */
class InstanceExchange implements OpenedExchange {
  readonly stream: RelayStream;
  readonly instance: VisibleOffer;
  readonly #turn: Turn;

  constructor({ stream, instance, turn }: OpenedStream) {
    this.stream = stream;
    this.instance = instance;
    this.#turn = turn;
  }

  ended(verdict: Verdict): void {
    this.#turn.ended(verdict, lossOf(this.stream));
  }
}

/** The instances that have failed a request; undefined for none. */
function instancesOf(tried: readonly OpenedExchange[]): ReadonlySet<VisibleOffer> | undefined {
  if (tried.length === 0) return undefined;
  return new Set(
    tried.flatMap((exchange) => (exchange instanceof InstanceExchange ? exchange.instance : [])),
  );
}

/** The trace context, where the client's has the form that an OPEN may carry, and is sampled. */
function checked(traceparent: string | null): string | undefined {
  if (traceparent?.length !== TRACEPARENT_LENGTH) return undefined;
  const context = Traceparent.safeParse(traceparent).data;
  return context !== undefined && isSampled(context) ? context : undefined;
}
