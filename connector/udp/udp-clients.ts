/** The clients of UDP listeners: each address and port that sends datagrams has a flow, with a stream of its own. */
import type { RemoteInfo, Socket } from "node:dgram";
import { DATAGRAM_KIND, encodeDatagram } from "../../protocol/datagrams/framing.ts";
import { asFairleadError } from "../../protocol/errors.ts";
import type { ListenerPort } from "../listeners/listener-set.ts";
import type { StreamOpener } from "../listeners/stream-opener.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { Relay } from "../relay/relay.ts";
import { DatagramFlows } from "./datagram-flows.ts";
import { DatagramStream } from "./datagram-stream.ts";
import { EarlyDatagrams } from "./early-datagrams.ts";
import { sendDatagram } from "./send-datagram.ts";

/** Most clients of one listener. For another one, the client that was silent for longest is dropped. */
export const MAX_CLIENTS = 4096;

/** How long the datagrams of a client are dropped after no instance served it, ms. */
const REFUSED_MS = 1000;

/** Recognises clients that are this connector's own sockets to targets. */
export interface OwnSockets {
  /** Number of streams behind the socket of this connector at the address and port; null if it is another's. */
  hopsOf(address: string, port: number): number | null;
}

export interface UdpClientsOptions {
  readonly opener: Pick<StreamOpener, "open">;
  readonly relay: Relay;
  readonly own?: OwnSockets;
  /** Called when a client's datagrams were dropped because they go in a circle. */
  readonly onLoop?: (at: ListenerPort) => void;
  /** See {@link DatagramFlows}. */
  readonly idleMs?: number;
  readonly maxClients?: number;
}

/** A client's flow. Without both, the client was refused a moment ago, and its datagrams are dropped. */
interface Client {
  /** Its datagrams, while its stream opens. */
  early: EarlyDatagrams | null;
  stream: DatagramStream | null;
  readonly leave: AbortController;
}

export class UdpClients {
  readonly #options: UdpClientsOptions;
  readonly #flows: DatagramFlows;
  readonly #sockets = new Map<Socket, Map<string, Client>>();

  constructor(options: UdpClientsOptions) {
    this.#options = options;
    this.#flows = new DatagramFlows(options.idleMs);
  }

  /** Number of clients. */
  get size(): number {
    let size = 0;
    for (const clients of this.#sockets.values()) size += clients.size;
    return size;
  }

  /** Serves the clients of a bound socket until it closes. */
  serve(at: ListenerPort, socket: Socket): void {
    const clients = new Map<string, Client>();
    this.#sockets.set(socket, clients);
    socket.on("message", (payload, from) => this.#receive({ at, socket, clients }, payload, from));
    socket.once("close", () => {
      this.#sockets.delete(socket);
      for (const client of clients.values()) drop(client);
    });
  }

  /** Ends every flow. */
  close(): void {
    for (const clients of this.#sockets.values()) {
      for (const client of clients.values()) drop(client);
      clients.clear();
    }
  }

  #receive(served: Served, payload: Buffer, from: RemoteInfo): void {
    const { clients } = served;
    const key = `${from.address} ${from.port}`;
    const known = clients.get(key);
    const client = known ?? this.#admit(served, from);
    if (client === null) return;
    // The order of the map is that of the clients' last datagrams.
    if (known !== undefined) clients.delete(key);
    clients.set(key, client);
    if (known === undefined) this.#open(served, client, { key, from });
    if (client.stream !== null) client.stream.send(payload);
    else client.early?.push(encodeDatagram(payload));
  }

  /** Makes room for a new client. Null when its datagrams go in a circle. */
  #admit({ at, clients }: Served, from: RemoteInfo): Client | null {
    const { own, onLoop, maxClients = MAX_CLIENTS } = this.#options;
    if ((own?.hopsOf(from.address, from.port) ?? null) !== null) {
      onLoop?.(at);
      return null;
    }
    if (clients.size >= maxClients) {
      const [oldest] = clients;
      if (oldest !== undefined) {
        clients.delete(oldest[0]);
        drop(oldest[1]);
      }
    }
    return { early: new EarlyDatagrams(), stream: null, leave: new AbortController() };
  }

  #open(
    { at: { service, port }, socket, clients }: Served,
    client: Client,
    { key, from }: { readonly key: string; readonly from: RemoteInfo },
  ): void {
    const { opener, relay } = this.#options;
    const address = formatAddress(from.address, from.port);
    const flow = relay.start({ side: "listener", service, client: address, protocol: "udp" });
    const early = client.early ?? new EarlyDatagrams();
    const remove = () => {
      if (clients.get(key) === client) clients.delete(key);
    };
    const request = { kind: DATAGRAM_KIND, port, traceparent: flow.trace?.traceparent };
    opener.open({ flow, early, signal: client.leave.signal, request }).then(
      (stream) => {
        relay.opened(flow);
        const datagrams = new DatagramStream(stream, flow, {
          datagram: (payload) => sendDatagram(socket, payload, from),
          closed: () => {
            this.#flows.delete(datagrams);
            remove();
          },
        });
        this.#flows.add(datagrams);
        client.early = null;
        client.stream = datagrams;
        for (const framed of early.rest()) datagrams.sendFramed(framed);
        // The client was dropped while its stream opened.
        if (client.leave.signal.aborted) datagrams.end();
      },
      (thrown: unknown) => {
        flow.end(asFairleadError(thrown, "stream.internal"));
        client.early = null;
        setTimeout(remove, REFUSED_MS).unref();
      },
    );
  }
}

/** A socket with its service and its clients. */
interface Served {
  readonly at: ListenerPort;
  readonly socket: Socket;
  readonly clients: Map<string, Client>;
}

function drop(client: Client): void {
  client.leave.abort();
  client.stream?.end();
}
