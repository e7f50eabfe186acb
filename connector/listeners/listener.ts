/** The local listener of one port of a service. It tries to bind until it succeeds. */
import type { Socket as UdpSocket } from "node:dgram";
import type { Socket } from "node:net";
import { ERRORS, type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { LogThrottle } from "../log-throttle.ts";
import { Backoff } from "../net/backoff.ts";
import { formatAddress } from "../net/local-socket.ts";
import { type DescriptorWatch, isForWantOfDescriptors } from "../resources/descriptor-watch.ts";

import { type ListenerSocket, tcpListenerSocket, udpListenerSocket } from "./listener-socket.ts";

export type ListenerState =
  | { readonly state: "starting" }
  | { readonly state: "listening" }
  | { readonly state: "failed"; readonly code: ErrorCode; readonly message: string }
  | { readonly state: "closed" };

/** The owner of an address that a listener may not take. */
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
  /** Makes the listener one for UDP: gets its socket whenever the listener has bound one. */
  readonly onUdp?: ((socket: UdpSocket) => void) | undefined;
  /** Gets each client that the listener cannot take, to reset it: a client takes a FIN for an empty answer. */
  readonly onRefused: (socket: Socket, error: FairleadError) => void;
  /** Called after each change of {@link Listener.state}. */
  readonly onState: () => void;
  /** The owner of the listener's address; null when no target on this machine is there. Asked before each bind. */
  readonly addressOwner?: (() => Promise<AddressOwner | null>) | undefined;
  /** Counts the descriptors of clients. */
  readonly descriptors?: DescriptorWatch | undefined;
  readonly log: Log;
  /** Most clients at once; tests have fewer. */
  readonly maxClients?: number | undefined;
  readonly retry?: { readonly base: number; readonly cap: number } | undefined;
}

/** Most clients of one listener at once. Bounds what one service can hold in memory. */
const MAX_CLIENTS = 50_000;

/** How long the listener counts as failed after a client came in a circle, ms. */
const LOOP_SHOWN_MS = 60_000;

const CODES: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: "listener.port_taken",
  EADDRNOTAVAIL: "listener.address",
  EACCES: "listener.not_permitted",
  EPERM: "listener.not_permitted",
  EINVAL: "listener.address",
};

export class Listener {
  readonly #options: ListenerOptions;
  readonly #backoff: Backoff;
  /** Clients that could not be accepted, which may be every client. */
  readonly #failures: LogThrottle;
  #state: ListenerState = { state: "starting" };
  #socket: ListenerSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Runs for {@link LOOP_SHOWN_MS} after a client came in a circle. */
  #loop: NodeJS.Timeout | undefined;
  #clients = 0;
  readonly #left = (): void => {
    this.#clients--;
    this.#options.descriptors?.release();
  };

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ base: 1000, cap: 15_000, ...options.retry, random: Math.random });
    this.#failures = new LogThrottle(options.log, (count) => `Further clients not accepted: ${count}.`);
    this.#bind();
  }

  /** Failed, too, while clients of the listener come in a circle. */
  get state(): ListenerState {
    if (this.#loop === undefined || this.#state.state !== "listening") return this.#state;
    return { state: "failed", code: "service.loop", message: ERRORS["service.loop"].meaning };
  }

  get port(): number {
    return this.#options.port;
  }

  /** Whether the listener has its address. */
  get isBound(): boolean {
    return this.#state.state === "listening";
  }

  /** Call this when a client came in a circle. */
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

  /** Stops listening. Established connections stay open. */
  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#loop);
    this.#failures.close();
    this.#socket?.close();
    this.#socket = undefined;
    this.#state = { state: "closed" };
  }

  /** Call this when targets have changed. The listener leaves an address that a target has, and takes it back after. */
  async review(): Promise<void> {
    const { addressOwner } = this.#options;
    const refused = this.#state.state === "failed" && this.#state.code === "listener.own_target";
    if (addressOwner === undefined || (this.#state.state !== "listening" && !refused)) return;
    const owner = await addressOwner();
    if (this.#state.state === "closed" || (owner === null) !== refused) return;
    if (owner === null) this.#bind();
    else this.#leave(owner);
  }

  #bind(): void {
    clearTimeout(this.#timer);
    const { addressOwner } = this.#options;
    if (addressOwner === undefined) this.#listen();
    else {
      void addressOwner().then((owner) => {
        if (this.#state.state === "closed" || this.#state.state === "listening") return;
        if (owner === null) this.#listen();
        else this.#leave(owner);
      });
    }
  }

  /** Leaves the address to its owner, and asks again later. */
  #leave({ service, site }: AddressOwner): void {
    this.#socket?.close();
    this.#socket = undefined;
    const owner = site === null ? "this site" : `site ${site} on this machine`;
    const message = `${this.address} is the target of ${service}, which ${owner} offers.`;
    this.#move({ state: "failed", code: "listener.own_target", message });
    this.#retry();
  }

  #retry(): void {
    clearTimeout(this.#timer);
    // At least 250 ms: full jitter may yield zero, and a taken port is rarely free at once.
    this.#timer = setTimeout(() => this.#bind(), 250 + this.#backoff.next()).unref();
  }

  #listen(): void {
    this.#socket?.close();
    const { host, port, keepAliveMs, onUdp } = this.#options;
    const open =
      onUdp === undefined
        ? tcpListenerSocket(keepAliveMs, (client) => this.#accept(client))
        : udpListenerSocket(onUdp);
    const socket = open(
      { host, port },
      {
        failed: (error) => this.#failed(socket, error),
        listening: () => {
          if (this.#socket !== socket) return;
          this.#backoff.reset();
          this.#move({ state: "listening" });
        },
      },
    );
    this.#socket = socket;
  }

  #accept(socket: Socket): void {
    const { descriptors, onClient, onRefused, maxClients = MAX_CLIENTS } = this.#options;
    if (this.#clients >= maxClients) {
      const why = `The listener at ${this.address} has ${maxClients} clients, which is the most that it takes.`;
      onRefused(socket, new FairleadError("listener.full", why));
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

  #failed(socket: ListenerSocket, error: Error): void {
    if (this.#socket !== socket) return;
    if (socket.listening && isForWantOfDescriptors(error)) this.#options.descriptors?.noteFailure();
    else if (socket.listening) {
      // Accepting one client failed. The listener still works.
      const kind = { origin: { service: this.#options.service, address: this.address }, about: {} };
      this.#failures.write("warn", kind, {}, `A client could not be accepted: ${error.message}.`);
    }
    if (socket.listening) return;
    const name = "code" in error && typeof error.code === "string" ? error.code : "";
    const failure = new FairleadError(
      CODES[name] ?? "listener.address",
      `The listener cannot bind to ${this.address}: ${name || error.message}.`,
    );
    this.#move({ state: "failed", code: failure.code, message: failure.message });
    this.#retry();
  }

  #move(next: ListenerState): void {
    if (this.#state.state === "closed") return;
    const before = this.#state;
    this.#state = next;
    // A repeated failure is neither logged nor reported.
    if (
      before.state === next.state &&
      next.state === "failed" &&
      before.state === "failed" &&
      before.code === next.code
    )
      return;
    const fields = { service: this.#options.service, address: this.address };
    if (next.state === "failed")
      this.#options.log.warn(
        { ...fields, code: next.code, action: ERRORS[next.code].action },
        `The listener failed: ${next.message}`,
      );
    else this.#options.log.info(fields, `The listener is ${next.state}.`);
    this.#options.onState();
  }
}
