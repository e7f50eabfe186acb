/** The clients of listeners. Each gets a stream to an instance of its service, or a reset. */
import type { Socket } from "node:net";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { Flow, TrafficObserver } from "../relay/flow.ts";
import type { Relay, RelayStream } from "../relay/relay.ts";
import { EarlyData } from "./early-data.ts";
import type { ListenerPort } from "./listener-set.ts";
import type { StreamOpener } from "./stream-opener.ts";

/** Recognises clients that are connections of a connector to a target. */
export interface ClientHops {
  /** Number of streams behind the client's connection. @throws FairleadError service.loop when it goes in a circle. */
  behind(client: Socket): Promise<number>;
}

export interface ClientsOptions {
  readonly opener: StreamOpener;
  /** Counts the streams behind a client's connection; 0 unless given. */
  readonly dials?: ClientHops;
  /** Called when a client was reset because its connection goes in a circle. */
  readonly onLoop?: (at: ListenerPort) => void;
  readonly relay: Relay;
  /** The observer of a client's connection, if there is one. */
  readonly observe?: (flow: Flow) => TrafficObserver | null;
}

export class Clients {
  readonly #options: ClientsOptions;
  /** Clients without a stream, and what ends their wait. */
  readonly #waiting = new Map<Socket, AbortController>();

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  /** Serves one client. Never throws. */
  serve(at: ListenerPort, client: Socket): void {
    const flow = this.#start(at, client);
    flow.traffic = this.#options.observe?.(flow) ?? null;
    const leave = new AbortController();
    const left = () => leave.abort();
    this.#waiting.set(client, leave);
    client.on("error", left);
    client.on("close", left);
    this.#connect(client, at.port, flow, leave.signal)
      .then(
        (stream) => {
          if (!leave.signal.aborted) this.#options.relay.join(client, stream, flow);
          else {
            const error = new FairleadError("stream.cancelled");
            stream.destroy(error);
            flow.end(error);
          }
        },
        (thrown: unknown) => {
          client.resetAndDestroy();
          const error = asFairleadError(thrown, "stream.internal");
          if (error.code === "service.loop") this.#options.onLoop?.(at);
          flow.end(error);
        },
      )
      .finally(() => {
        client.off("error", left);
        client.off("close", left);
        this.#waiting.delete(client);
      });
  }

  /** Resets a client that its listener cannot take. */
  refuse(at: ListenerPort, client: Socket, error: FairleadError): void {
    const flow = this.#start(at, client);
    client.on("error", () => {});
    client.resetAndDestroy();
    flow.end(error);
  }

  #start({ service }: ListenerPort, { remoteAddress, remotePort }: Socket): Flow {
    const client =
      remoteAddress === undefined || remotePort === undefined
        ? null
        : formatAddress(remoteAddress, remotePort);
    return this.#options.relay.start({ side: "listener", service, client });
  }

  /** Resets the clients that wait for a stream. */
  close(): void {
    for (const [client, leave] of this.#waiting) {
      leave.abort();
      client.resetAndDestroy();
    }
  }

  async #connect(client: Socket, port: number, flow: Flow, signal: AbortSignal): Promise<RelayStream> {
    const { opener, dials } = this.#options;
    const hops = (await dials?.behind(client)) ?? 0;
    if (signal.aborted) throw new FairleadError("stream.cancelled");
    const observed =
      flow.traffic === null ? undefined : (chunk: Buffer) => flow.observe(chunk, flow.toTarget);
    const early = new EarlyData(client, observed);
    return await opener.open({
      flow,
      signal,
      early,
      request: { hops, port, traceparent: flow.trace?.traceparent },
    });
  }
}
