/** One local TCP listener of a service. It binds when it can, and tries again until it does. */
import { createServer, type Server, type Socket } from "node:net";
import { ERRORS, type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";
import { formatAddress, localSocketOptions } from "../net/local-socket.ts";
import { type DescriptorWatch, isForWantOfDescriptors } from "../resources/descriptor-watch.ts";

export type ListenerState =
  | { readonly state: "starting" }
  | { readonly state: "listening" }
  | { readonly state: "failed"; readonly code: ErrorCode; readonly message: string }
  | { readonly state: "closed" };

/** Who owns an address that a listener may not take. */
export interface AddressOwner {
  /** The service whose target is at the address. */
  readonly service: string;
  /** The site whose connector on this machine offers the service; null for this connector itself. */
  readonly site: string | null;
}

export interface ListenerOptions {
  readonly service: string;
  readonly host: string;
  readonly port: number;
  /** See {@link localSocketOptions}. */
  readonly keepAliveMs?: number | null | undefined;
  readonly onClient: (socket: Socket) => void;
  /** A client that the listener cannot take, with the reason. It must be reset: a FIN looks like an empty answer. */
  readonly onRefused: (socket: Socket, error: FairleadError) => void;
  readonly onState: () => void;
  /** The owner of the listener's address, when it is a target of a connector on this machine; checked before it binds. */
  readonly ownTarget?: (() => Promise<AddressOwner | null>) | undefined;
  /** Says whether there is a descriptor for a client. */
  readonly descriptors?: DescriptorWatch | undefined;
  readonly log: Log;
  readonly retry?: { readonly base: number; readonly cap: number };
}

/** Clients of one listener at once; more are reset. Bounds what one service can hold in memory. */
const MAX_CLIENTS = 50_000;
const TOO_MANY_CLIENTS = `The listener has ${MAX_CLIENTS} clients, which is the most that it takes.`;
const BACKLOG = 4096;

/** How long a client that came in a circle is shown, ms. */
const LOOP_SHOWN_MS = 60_000;

const CODES: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: "listener.port_taken",
  EADDRNOTAVAIL: "listener.address",
  EACCES: "listener.address",
  EINVAL: "listener.address",
};

export class Listener {
  readonly #options: ListenerOptions;
  readonly #backoff: Backoff;
  #state: ListenerState = { state: "starting" };
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Runs for a while after a client came in a circle. */
  #loop: NodeJS.Timeout | undefined;
  #clients = 0;
  readonly #left = (): void => {
    this.#clients--;
    this.#options.descriptors?.release();
  };

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ base: 1000, cap: 15_000, ...options.retry, random: Math.random });
    this.#bind();
  }

  /** A listener whose clients come in a circle is shown as failed while they do. */
  get state(): ListenerState {
    if (this.#loop === undefined || this.#state.state !== "listening") return this.#state;
    return { state: "failed", code: "service.loop", message: ERRORS["service.loop"].meaning };
  }

  get port(): number {
    return this.#options.port;
  }

  /** A client came in a circle. */
  noteLoop(): void {
    const isNews = this.#loop === undefined;
    clearTimeout(this.#loop);
    this.#loop = setTimeout(() => {
      this.#loop = undefined;
      this.#options.onState();
    }, LOOP_SHOWN_MS).unref();
    if (isNews) this.#options.onState();
  }

  /** `HOST:PORT`, with brackets around IPv6. */
  get address(): string {
    return formatAddress(this.#options.host, this.#options.port);
  }

  /** Listens no more. Connections that are established go on. */
  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#loop);
    this.#server?.close();
    this.#server = undefined;
    this.#state = { state: "closed" };
  }

  /** Targets have changed: gives its address up if it is one, and takes it if it is none any more. */
  async review(): Promise<void> {
    const { ownTarget } = this.#options;
    const refused = this.#state.state === "failed" && this.#state.code === "listener.own_target";
    if (ownTarget === undefined || (this.#state.state !== "listening" && !refused)) return;
    const target = await ownTarget();
    if (this.#state.state === "closed" || (target === null) !== refused) return;
    if (target === null) this.#bind();
    else this.#refuse(target);
  }

  #bind(): void {
    clearTimeout(this.#timer);
    const { ownTarget } = this.#options;
    if (ownTarget === undefined) this.#listen();
    else {
      void ownTarget().then((target) => {
        if (this.#state.state === "closed" || this.#state.state === "listening") return;
        if (target === null) this.#listen();
        else this.#refuse(target);
      });
    }
  }

  /** The address is a target's. It is not taken before it is none any more. */
  #refuse({ service, site }: AddressOwner): void {
    this.#server?.close();
    this.#server = undefined;
    const owner = site === null ? "this site" : `site ${site} on this machine`;
    const message = `${this.address} is the target of ${service}, which ${owner} offers`;
    this.#move({ state: "failed", code: "listener.own_target", message });
    this.#retry();
  }

  #retry(): void {
    clearTimeout(this.#timer);
    // At least a quarter of a second: full jitter may say zero, and a taken port is rarely free at once.
    this.#timer = setTimeout(() => this.#bind(), 250 + this.#backoff.next()).unref();
  }

  #listen(): void {
    this.#server?.close();
    const { host, port, keepAliveMs } = this.#options;
    const server = createServer(localSocketOptions(keepAliveMs), (socket) => this.#accept(socket));
    this.#server = server;
    server.on("error", (error) => this.#failed(server, error));
    server.on("listening", () => {
      if (this.#server !== server) return;
      this.#backoff.reset();
      this.#move({ state: "listening" });
    });
    server.listen({ host, port, backlog: BACKLOG });
  }

  #accept(socket: Socket): void {
    const { descriptors, onClient, onRefused } = this.#options;
    if (this.#clients >= MAX_CLIENTS) {
      onRefused(socket, new FairleadError("service.overloaded", TOO_MANY_CLIENTS));
      return;
    }
    if (descriptors?.take() === false) {
      onRefused(socket, new FairleadError("connector.descriptors"));
      return;
    }
    this.#clients++;
    socket.once("close", this.#left);
    onClient(socket);
  }

  #failed(server: Server, error: Error): void {
    if (this.#server !== server) return;
    if (server.listening && isForWantOfDescriptors(error)) this.#options.descriptors?.noteFailure();
    else if (server.listening) {
      // Accepting one client failed; the listener is still good.
      this.#options.log.warn({ service: this.#options.service, address: this.address }, error.message);
    }
    if (server.listening) return;
    const name = "code" in error && typeof error.code === "string" ? error.code : "";
    const failure = new FairleadError(
      CODES[name] ?? "listener.address",
      `${this.address}: ${name || error.message}`,
    );
    this.#move({ state: "failed", code: failure.code, message: failure.message });
    this.#retry();
  }

  #move(next: ListenerState): void {
    if (this.#state.state === "closed") return;
    const before = this.#state;
    this.#state = next;
    // The same failure again is no news.
    if (
      before.state === next.state &&
      next.state === "failed" &&
      before.state === "failed" &&
      before.code === next.code
    )
      return;
    const fields = { service: this.#options.service, address: this.address };
    if (next.state === "failed")
      this.#options.log.warn({ ...fields, code: next.code }, `listener failed: ${next.message}`);
    else this.#options.log.info(fields, `listener ${next.state}`);
    this.#options.onState();
  }
}
