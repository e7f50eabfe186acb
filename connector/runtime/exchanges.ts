/** The server of exchanges, with the targets of this connector. */
import { ExchangeServer } from "../http/client/exchange-server.ts";
import { TargetClients } from "../http/client/target-clients.ts";
import type { WebSocketJoiner } from "../http/client/upgrade.ts";
import type { Relay } from "../relay/relay.ts";
import type { Target } from "../targets/target-endpoint.ts";
import type { PoolPort, TargetPool } from "../targets/target-pool.ts";
import type { TargetPreambles } from "../targets/target-preamble.ts";
import type { Part } from "./part.ts";

/** Serves exchanges. As a part, it closes the connections that it keeps to targets. */
export interface Exchanges extends Part {
  readonly server: ExchangeServer;
  /** Closes the connections to targets that carry no request. */
  closeIdle(): void;
}

interface ExchangesOptions {
  readonly pool: TargetPool;
  readonly relay: Relay;
  readonly preambles: TargetPreambles;
  readonly webSockets: () => WebSocketJoiner;
}

export function makeExchanges({ pool, relay, preambles, webSockets }: ExchangesOptions): Exchanges {
  const clients = new TargetClients<PoolPort, Target>({
    targets: pool,
    keyOf: ({ hostAndPort, address }) => `${hostAndPort} ${address ?? ""}`,
    addressOf: ({ hostAndPort }) => hostAndPort,
    hostOf: ({ host }) => host,
    preambleOf: ({ port, servicePort }) => preambles.of(port.name, servicePort),
  });
  const server = new ExchangeServer({
    find: ({ stream, use, request, isGrpc }) => {
      const { exposure, peer, flow, signal } = use;
      const port = { name: exposure.name, port: use.port };
      const servicePort = use.port.servicePort ?? stream.port;
      return clients.find({ port, servicePort, request, isGrpc, peer, hops: stream.hops, signal, flow });
    },
    relay,
    webSockets,
  });
  return { server, closeIdle: () => clients.closeIdle(), close: () => clients.close() };
}
