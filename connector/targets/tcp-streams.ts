/** Serves streams that carry the bytes of a TCP connection: each is joined with a connection to a target. */
import { formatAddress } from "../net/local-socket.ts";
import type { Relay } from "../relay/relay.ts";
import { TARGET_TIMEOUT_MS } from "./dial-target.ts";
import type { PeerStream, StreamServer, StreamUse } from "./stream-server.ts";
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
    const use = { site: peer.site, hops: stream.hops, signal };
    const { socket, target } = await pool.connect({ name, port }, use);
    flow.setTarget(formatAddress(target.host, target.port));
    const preamble = preambles?.of(name, port.servicePort ?? stream.port) ?? null;
    const local =
      preamble === null
        ? socket
        : await preamble.prepare(socket, {
            host: target.host,
            client: null,
            site: { id: peer.site, name: peer.siteName },
            protocols: [],
            timeoutMs: TARGET_TIMEOUT_MS,
            signal,
          });
    if (!stream.destroyed) stream.accept();
    relay.join(local, stream, flow);
  }
}
