/** Serves streams that carry the bytes of a TCP connection: each is joined with a connection to a target. */
import { formatAddress } from "../net/local-socket.ts";
import type { Relay } from "../relay/relay.ts";
import type { PeerStream, StreamServer, StreamUse } from "./stream-server.ts";
import type { TargetPool } from "./target-pool.ts";

export interface TcpStreamsOptions {
  readonly pool: TargetPool;
  readonly relay: Relay;
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
    const { pool, relay } = this.#options;
    const use = { site: peer.site, hops: stream.hops, signal };
    const { socket, target } = await pool.connect({ name, port }, use);
    flow.setTarget(formatAddress(target.host, target.port));
    if (!stream.destroyed) stream.accept();
    relay.join(socket, stream, flow);
  }
}
