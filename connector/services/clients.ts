/** Serving the clients of listeners: each gets a stream to an instance of its service, or a reset. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { VisibleOffer } from "../../protocol/messages.ts";
import type { Log } from "../log.ts";
import { connectStream, type OpeningStream } from "./connect.ts";
import { EarlyData } from "./early.ts";
import { HopRules } from "./hop.ts";
import type { CatalogueView } from "./view.ts";

/** What serving clients needs of the session manager. */
export interface Streams {
  /** With the encryption that the offer names. */
  open(service: string, peer: VisibleOffer): Promise<OpeningStream>;
  /** Streams open to an instance; null when there is no session to it that would do. */
  streamsTo(peer: VisibleOffer): number | null;
  /** Joins both ways, with half-close; a failure of one resets the other. */
  join(client: Socket, stream: Duplex): void;
}

export interface ClientsOptions {
  readonly view: CatalogueView;
  readonly streams: Streams;
  /** Without them, no hop encryption is used. */
  readonly hop?: HopRules;
  readonly log: Log;
  /** A clock that never goes back, ms; `performance.now` unless given. */
  readonly now?: () => number;
  readonly holdMs?: number;
}

/** How long an instance that failed is tried last, ms. */
const FAILING_MS = 5000;

export class Clients {
  readonly #options: ClientsOptions;
  readonly #now: () => number;
  /** Clients without a stream yet, with how to send them away. */
  readonly #waiting = new Map<Socket, AbortController>();
  /** When an instance failed last, by boot id. */
  readonly #failed = new Map<string, number>();
  readonly #stopping = new AbortController();

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Serves one client; never throws. */
  serve(service: string, client: Socket): void {
    const leave = new AbortController();
    const left = () => leave.abort();
    this.#waiting.set(client, leave);
    client.on("error", left);
    client.on("close", left);
    this.#connect(service, client, leave.signal)
      .then(
        (stream) => {
          if (leave.signal.aborted) stream.destroy(new FairleadError("stream.cancelled"));
          else this.#options.streams.join(client, stream);
        },
        (thrown: unknown) => {
          client.resetAndDestroy();
          const error = asFairleadError(thrown, "stream.internal");
          const fields = { service, code: error.code };
          if (error.code === "stream.cancelled")
            this.#options.log.debug(fields, "a client left before it was served");
          else this.#options.log.warn(fields, `a client was reset: ${error.message}`);
        },
      )
      .finally(() => {
        client.off("error", left);
        client.off("close", left);
        this.#waiting.delete(client);
      });
  }

  /** The connector stops: clients whose stream is opening may still get it, those that wait for one are reset. */
  drain(): void {
    this.#stopping.abort();
  }

  /** Resets the clients that wait for a stream. */
  close(): void {
    for (const [client, leave] of this.#waiting) {
      leave.abort();
      client.resetAndDestroy();
    }
  }

  #connect(service: string, client: Socket, signal: AbortSignal): Promise<Duplex> {
    const { view, streams, holdMs } = this.#options;
    return connectStream({
      service,
      signal,
      hop: this.#options.hop ?? new HopRules(),
      early: new EarlyData(client),
      stopping: this.#stopping.signal,
      lookup: () => view.lookup(service),
      changed: (ms, aborted) => view.changed(ms, aborted),
      load: (instance) => {
        const open = streams.streamsTo(instance);
        return { streams: open ?? 0, session: open !== null, failing: this.#isFailing(instance.boot) };
      },
      open: (name, peer) => streams.open(name, peer),
      onFailure: (peer) => this.#noteFailure(peer.boot),
      now: this.#now,
      ...(holdMs === undefined ? {} : { holdMs }),
    });
  }

  #isFailing(boot: string): boolean {
    const at = this.#failed.get(boot);
    return at !== undefined && this.#now() - at < FAILING_MS;
  }

  #noteFailure(boot: string): void {
    const now = this.#now();
    for (const [other, at] of this.#failed) if (now - at >= FAILING_MS) this.#failed.delete(other);
    this.#failed.set(boot, now);
  }
}
