/** The listeners of this site, one for each service that another site offers. */
import type { Socket } from "node:net";
import { ERRORS, type FairleadError } from "../../protocol/errors.ts";
import type { ListenerReport, VisibleService } from "../../protocol/uplink/messages.ts";
import { type Bind, DEFAULT_HOST, type ListenAt } from "../config/service-options.ts";
import type { Log } from "../log.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { DescriptorWatch } from "../resources/descriptor-watch.ts";
import type { StateDirectory } from "../state/directory.ts";
import { AddressBook, AddressPool } from "./address-pool.ts";
import { type AddressOwner, Listener } from "./listener.ts";

const ADDRESSES_FILE = "addresses.json";

/** The addresses of targets on this machine; with `ownOnly` those of this connector alone. */
export interface OwnedAddresses {
  /** The owner of an address, as far as it is known now; null when no target is there. */
  takenBy(host: string, port: number, ownOnly?: boolean): AddressOwner | null;
  /** The owner of an address, after the targets' names are looked up and the other connectors have answered. */
  check(host: string, port: number, ownOnly?: boolean): Promise<AddressOwner | null>;
}

export interface ListenerSetOptions {
  readonly state: StateDirectory;
  readonly bind: Bind;
  readonly listen: readonly ListenAt[];
  /** See {@link localSocketOptions}. */
  readonly keepAliveMs?: number | null | undefined;
  /** Counts the descriptors of clients. */
  readonly descriptors?: DescriptorWatch;
  readonly onClient: (service: string, socket: Socket) => void;
  /** See {@link ListenerOptions.onRefused}. */
  readonly onRefused: (service: string, socket: Socket, error: FairleadError) => void;
  /** Addresses that no listener takes, because a target of a connector on this machine is there. */
  readonly ownTargets?: OwnedAddresses;
  /** Called when listeners or their states have changed. */
  readonly onChange: () => void;
  readonly log: Log;
  readonly retry?: { readonly base: number; readonly cap: number };
}

export class ListenerSet {
  readonly #options: ListenerSetOptions;
  readonly #listen: ReadonlyMap<string, ListenAt>;
  readonly #open = new Map<string, { readonly listener: Listener; readonly place: string }>();
  /** Services for which the range has no address left. */
  readonly #exhausted = new Set<string>();
  /** Null when every listener is at one address. */
  readonly #pool: AddressPool | null;
  #services: readonly VisibleService[] = [];

  private constructor(options: ListenerSetOptions, book: AddressBook | null) {
    this.#options = options;
    this.#listen = new Map(options.listen.map((at) => [at.name, at]));
    this.#pool = options.bind.kind === "range" ? new AddressPool(options.bind.range, book) : null;
  }

  /** @throws FairleadError `state.corrupt`. */
  static async load(options: ListenerSetOptions): Promise<ListenerSet> {
    return new ListenerSet(options, await options.state.readJson(ADDRESSES_FILE, AddressBook));
  }

  /** Opens and closes listeners so that they are those of `services`. A listener that has not changed stays open. */
  set(services: readonly VisibleService[]): void {
    this.#services = services;
    const wanted = new Map(services.map((service) => [service.name, service]));
    const before = this.#pool?.book;
    let changed = this.#exhausted.size > 0;
    for (const [name, { listener }] of this.#open) {
      if (wanted.has(name)) continue;
      this.#remove(name, listener);
      changed = true;
    }
    this.#exhausted.clear();
    const needed = new Set(wanted.keys());
    for (const service of services) {
      const address = this.#addressOf(service, needed);
      if (address === null) this.#exhaust(service.name);
      else this.#ensure(service.name, address.host, address.port);
    }
    if (this.#pool !== null && this.#pool.book !== before) this.#store(this.#pool.book);
    if (changed || this.#exhausted.size > 0) this.#options.onChange();
  }

  /** The states of the listeners, by service, without listeners that are starting. */
  reports(): ListenerReport[] {
    const reports: ListenerReport[] = [];
    for (const [service, { listener }] of this.#open) {
      const { address, state } = listener;
      if (state.state === "listening") reports.push({ service, address, ...this.#listening() });
      if (state.state === "failed") {
        reports.push({
          service,
          address,
          state: "failed",
          code: state.code,
          message: state.message.slice(0, 500),
        });
      }
    }
    const code = "listener.exhausted";
    for (const service of this.#exhausted) {
      reports.push({
        service,
        address: this.#rangeText(),
        state: "failed",
        code,
        message: ERRORS[code].meaning,
      });
    }
    return reports.sort((left, right) => (left.service < right.service ? -1 : 1));
  }

  /** A listener that resets its clients for want of descriptors is reported as failed. */
  #listening(): Pick<ListenerReport, "state" | "code" | "message"> {
    if (this.#options.descriptors?.use?.exhausted !== true) return { state: "listening" };
    const code = "connector.descriptors";
    return { state: "failed", code, message: ERRORS[code].meaning };
  }

  /** Whether a listener of this site has the port, at any address. */
  isAt(port: number): boolean {
    for (const { listener } of this.#open.values()) if (listener.port === port) return true;
    return false;
  }

  /** Marks the listener of a service whose client came in a circle. */
  noteLoop(service: string): void {
    this.#open.get(service)?.listener.noteLoop();
  }

  /** Call this when targets on this machine have changed: listeners leave their addresses, or take them again. */
  review(): void {
    if (this.#services.length > 0) this.set(this.#services);
    for (const { listener } of this.#open.values()) void listener.review();
  }

  close(): void {
    this.#services = [];
    for (const [name, { listener }] of this.#open) this.#remove(name, listener);
  }

  #ensure(service: string, host: string, port: number): void {
    const { onClient, onRefused, onChange, log, retry, keepAliveMs, descriptors, ownTargets } = this.#options;
    const ownOnly = this.#listen.get(service)?.host === host;
    const place = formatAddress(host, port);
    const open = this.#open.get(service);
    if (open?.place === place) return;
    open?.listener.close();
    const listener = new Listener({
      service,
      host,
      port,
      keepAliveMs,
      log,
      onState: onChange,
      descriptors,
      // An address given by --listen may be another connector's target: that is how two networks are joined.
      addressOwner: ownTargets && (() => ownTargets.check(host, port, ownOnly)),
      onClient: (socket) => onClient(service, socket),
      onRefused: (socket, error) => onRefused(service, socket, error),
      ...(retry ? { retry } : {}),
    });
    this.#open.set(service, { listener, place });
  }

  #remove(name: string, listener: Listener): void {
    listener.close();
    this.#open.delete(name);
    this.#options.log.info({ service: name, address: listener.address }, "The listener is closed.");
  }

  /** The address of a service's listener; null when the range has none left. */
  #addressOf(service: VisibleService, needed: ReadonlySet<string>): { host: string; port: number } | null {
    const { bind } = this.#options;
    const at = this.#listen.get(service.name);
    const port = at?.port ?? service.port;
    if (at?.host) return { host: at.host, port };
    if (bind.kind === "address") return { host: bind.address, port };
    const { ownTargets } = this.#options;
    const isBlocked = (address: string) => (ownTargets?.takenBy(address, port) ?? null) !== null;
    const host = this.#pool?.assign(service.name, needed, isBlocked) ?? null;
    return host === null ? null : { host, port };
  }

  #exhaust(service: string): void {
    const open = this.#open.get(service);
    if (open) this.#remove(service, open.listener);
    this.#exhausted.add(service);
    this.#options.log.warn({ service, code: "listener.exhausted" }, ERRORS["listener.exhausted"].meaning);
  }

  #rangeText(): string {
    return this.#options.bind.kind === "range" ? this.#options.bind.range.text : DEFAULT_HOST;
  }

  /** A failure is only logged: at worst, services have other addresses after a restart. */
  #store(book: AddressBook): void {
    const { state, log } = this.#options;
    state.writeAtomic(ADDRESSES_FILE, `${JSON.stringify(book, null, 2)}\n`).catch((error: unknown) => {
      log.error({ error: String(error) }, "The addresses of services could not be stored.");
    });
  }
}
