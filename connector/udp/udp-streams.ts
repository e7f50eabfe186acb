/** Serves streams of datagrams: each has a socket of its own to a target, so the target tells clients apart. */
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { LogThrottle } from "../log-throttle.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { Relay } from "../relay/relay.ts";
import { type DescriptorWatch, NO_DESCRIPTORS } from "../resources/descriptor-watch.ts";
import type { PeerStream, StreamServer, StreamUse } from "../targets/stream-server.ts";
import type { Target } from "../targets/target-endpoint.ts";
import type { TargetLease, TargetPool } from "../targets/target-pool.ts";
import { DatagramFlows } from "./datagram-flows.ts";
import { DatagramStream } from "./datagram-stream.ts";
import { sendDatagram } from "./send-datagram.ts";
import type { OwnSockets } from "./udp-clients.ts";

/** Most streams of one site: each holds a socket for a minute. */
export const MAX_STREAMS_OF_SITE = 4096;

export interface UdpStreamsOptions {
  readonly pool: Pick<TargetPool, "lease">;
  readonly relay: Relay;
  readonly descriptors?: DescriptorWatch;
  readonly log: Log;
  /** See {@link DatagramFlows}. */
  readonly idleMs?: number;
  readonly maxStreams?: number;
}

export class UdpStreams implements StreamServer, OwnSockets {
  readonly #options: UdpStreamsOptions;
  readonly #flows: DatagramFlows;
  readonly #errors: LogThrottle;
  /** Streams by the id of the peer's site. */
  readonly #streams = new Map<string, number>();
  /** Streams behind the sockets to targets, by local address and port. */
  readonly #hops = new Map<string, number>();

  constructor(options: UdpStreamsOptions) {
    this.#options = options;
    this.#flows = new DatagramFlows(options.idleMs);
    this.#errors = new LogThrottle(
      options.log,
      (count) => `Further datagrams not taken by targets: ${count}.`,
    );
  }

  hopsOf(address: string, port: number): number | null {
    return this.#hops.get(`${address} ${port}`) ?? null;
  }

  /** @throws FairleadError service.*, stream.cancelled. */
  async serve(stream: PeerStream, use: StreamUse): Promise<void> {
    const { relay, descriptors, pool } = this.#options;
    const { exposure, port, peer, flow, signal } = use;
    const release = this.#take(peer.site);
    if (descriptors?.take() === false) {
      release();
      throw new FairleadError("service.overloaded", NO_DESCRIPTORS);
    }
    let lease: TargetLease | null = null;
    let socket: Socket;
    try {
      lease = await pool.lease({ name: exposure.name, port }, signal);
      flow.setTarget(lease.target.hostAndPort);
      socket = await connect(lease.target);
    } catch (error) {
      lease?.end();
      descriptors?.release();
      release();
      throw error;
    }
    const key = `${socket.address().address} ${socket.address().port}`;
    this.#hops.set(key, stream.hops);
    relay.opened(flow);
    const datagrams = new DatagramStream(stream, flow, {
      datagram: (payload) => sendDatagram(socket, payload),
      closed: () => {
        this.#flows.delete(datagrams);
        this.#hops.delete(key);
        lease.end();
        descriptors?.release();
        release();
        socket.close();
      },
    });
    this.#flows.add(datagrams);
    socket.on("message", (payload) => datagrams.send(payload));
    socket.on("error", (error) => this.#noteError(use, error));
    if (!stream.destroyed) stream.accept();
  }

  /** Ends every stream. */
  close(): void {
    this.#flows.endAll();
    this.#errors.close();
  }

  /** Counts a stream of the site. Returns the function that counts it off. @throws FairleadError service.overloaded. */
  #take(site: string): () => void {
    const { maxStreams = MAX_STREAMS_OF_SITE } = this.#options;
    const streams = this.#streams.get(site) ?? 0;
    if (streams >= maxStreams) {
      throw new FairleadError("service.overloaded", `The site has ${maxStreams} flows of datagrams already.`);
    }
    this.#streams.set(site, streams + 1);
    return () => {
      const left = (this.#streams.get(site) ?? 1) - 1;
      if (left === 0) this.#streams.delete(site);
      else this.#streams.set(site, left);
    };
  }

  /** A target that is not there (ICMP) loses datagrams, as in any network: it may be back for the next one. */
  #noteError({ exposure, flow }: StreamUse, error: Error): void {
    const kind = { origin: { service: exposure.name, target: flow.target }, about: {} };
    this.#errors.write("info", kind, {}, `The target did not take a datagram: ${error.message}.`);
  }
}

/** A socket that sends to the target and receives from it alone. @throws FairleadError service.unreachable. */
function connect({ host, port, address: known }: Target): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const address = known ?? host;
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    const fail = (error: Error) => {
      socket.close();
      const code: ErrorCode = "service.unreachable";
      const target = formatAddress(address, port);
      reject(
        new FairleadError(code, `The target ${target} cannot be reached: ${error.message}.`, {
          cause: error,
        }),
      );
    };
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      resolve(socket);
    });
    socket.connect(port, address);
  });
}
