/** Serves streams that carry the bytes of a TCP connection: each is joined with a connection to a target. */
import type { Socket } from "node:net";
import type { Relay } from "../relay/relay.ts";
import type { PeerStream, StreamServer, StreamUse } from "./stream-server.ts";
import type { Target } from "./target-endpoint.ts";
import type { TargetPool } from "./target-pool.ts";
import type { TargetPreambles } from "./target-preamble.ts";

export interface TcpStreamsOptions {
  readonly pool: TargetPool;
  readonly relay: Relay;
  /** What precedes the client's bytes at a target. */
  readonly preambles?: TargetPreambles;
}

export class TcpStreams implements StreamServer {
  readonly #options: TcpStreamsOptions;

  constructor(options: TcpStreamsOptions) {
    this.#options = options;
  }

  /** @throws FairleadError service.*, stream.cancelled. */
  async serve(
    stream: PeerStream,
    { exposure: { name }, port, peer, flow, signal }: StreamUse,
  ): Promise<void> {
    const { pool, relay, preambles } = this.#options;
    const preamble = preambles?.of(name, port.servicePort ?? stream.port) ?? null;
    const prepare =
      preamble === null
        ? undefined
        : (dialled: Socket, timeoutMs: number, { host }: Target) =>
            preamble.prepare(dialled, {
              ...{ host, timeoutMs, signal },
              client: null,
              site: { id: peer.site, name: peer.siteName },
              protocols: [],
            });
    const use = { site: peer.site, hops: stream.hops, signal, prepare, flow };
    const { socket } = await pool.connect({ name, port }, use);
    if (!stream.destroyed) stream.accept();
    relay.join(socket, stream, flow);
  }
}
