/** The listeners of this site, one for each service that another site offers. */
import type { Socket } from "node:net";
import { ERRORS, type FairleadError } from "../../protocol/errors.ts";
import type { ListenerReport, VisibleService } from "../../protocol/uplink/messages.ts";
import { type Bind, DEFAULT_HOST, formatBind, type ListenerAddress } from "../config/service-options.ts";
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
  readonly listen: readonly ListenerAddress[];
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

interface Address {
  readonly host: string;
  readonly port: number;
  /** Both, as text. */
  readonly place: string;
}

export class ListenerSet {
  readonly #options: ListenerSetOptions;
  #bind: Bind;
  #listen: ReadonlyMap<string, ListenerAddress>;
  readonly #open = new Map<string, { readonly listener: Listener; readonly place: string }>();
  /** Services for which the range has no address left. */
  readonly #exhausted = new Set<string>();
  /** Null when every listener is at one address. */
  #pool: AddressPool | null;
  /** Addresses that were assigned out of the range, as they were stored last. */
  #book: AddressBook | null;
  #services: readonly VisibleService[] = [];
  /** Why clients of a service are refused. */
  readonly #troubles = new Map<string, FairleadError>();
  #isClosed = false;

  private constructor(options: ListenerSetOptions, book: AddressBook | null) {
    this.#options = options;
    this.#bind = options.bind;
    this.#listen = byName(options.listen);
    this.#book = book;
    this.#pool = poolOf(options.bind, book);
  }

  /** Loads the addresses of services. A damaged file is set aside. @throws FairleadError `state.unwritable`. */
  static async load(options: ListenerSetOptions): Promise<ListenerSet> {
    const { state, log } = options;
    const loss = "Addresses out of a --bind range are assigned anew.";
    return new ListenerSet(options, await state.readOrSetAside(ADDRESSES_FILE, AddressBook, { loss, log }));
  }

  /** Takes over other addresses. A listener whose address is the same is not touched; clients keep their connections. */
  configure({ bind, listen }: Pick<ListenerSetOptions, "bind" | "listen">): void {
    if (formatBind(bind) !== formatBind(this.#bind)) this.#pool = poolOf(bind, this.#book);
    this.#bind = bind;
    this.#listen = byName(listen);
    this.set(this.#services);
  }

  /** Ports of listeners whose host the configuration names. */
  get namedPorts(): number[] {
    return [...this.#listen.values()].flatMap(({ host, port }) => (host === null ? [] : [port]));
  }

  /** Makes the listeners those of `services`. A listener whose address is the same is not touched. */
  set(services: readonly VisibleService[]): void {
    if (this.#isClosed) return;
    this.#services = services;
    const needed = new Set(services.map(({ name }) => name));
    const before = this.#pool?.book;
    let changed = this.#exhausted.size > 0;
    for (const [name, { listener }] of this.#open) {
      if (needed.has(name)) continue;
      this.#remove(name, listener);
      changed = true;
    }
    this.#exhausted.clear();
    const addresses = services.map((service) => ({ service, address: this.#addressOf(service, needed) }));
    // Every address is given up before one is taken: two listeners may change places.
    for (const { service, address } of addresses) {
      const open = this.#open.get(service.name);
      if (open !== undefined && open.place !== address?.place) this.#remove(service.name, open.listener);
    }
    for (const { service, address } of addresses) {
      if (address === null) this.#exhaust(service.name);
      else if (!this.#open.has(service.name)) this.#listenAt(service.name, address);
    }
    if (this.#pool !== null && this.#pool.book !== before) this.#store(this.#pool.book);
    if (changed || this.#exhausted.size > 0) this.#options.onChange();
  }

  /** The states of the listeners, by service, without listeners that are starting. */
  reports(): ListenerReport[] {
    const reports: ListenerReport[] = [];
    for (const [service, { listener }] of this.#open) {
      const { address, state } = listener;
      if (state.state === "listening") reports.push({ service, address, ...this.#listening(service) });
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

  /** Notes why the clients of a service are refused, although its listener has its address; null when they are not. */
  noteTrouble(service: string, trouble: FairleadError | null): void {
    if (trouble?.code === this.#troubles.get(service)?.code) return;
    if (trouble === null) this.#troubles.delete(service);
    else this.#troubles.set(service, trouble);
    this.#options.onChange();
  }

  /** A listener that resets its clients, for want of descriptors or of a certificate, is reported as failed. */
  #listening(service: string): Pick<ListenerReport, "state" | "code" | "message"> {
    const trouble = this.#troubles.get(service);
    if (trouble !== undefined) {
      return { state: "failed", code: trouble.code, message: trouble.message.slice(0, 500) };
    }
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

  /** Closes the listeners for good. Clients keep their connections. */
  close(): void {
    this.#isClosed = true;
    this.#services = [];
    for (const [name, { listener }] of this.#open) this.#remove(name, listener);
  }

  #listenAt(service: string, { host, port, place }: Address): void {
    const { onClient, onRefused, onChange, log, retry, keepAliveMs, descriptors, ownTargets } = this.#options;
    const listener = new Listener({
      service,
      host,
      port,
      keepAliveMs,
      log,
      onState: onChange,
      descriptors,
      // An address that the configuration names may be another connector's target: that is how two networks are joined.
      addressOwner: ownTargets && (() => ownTargets.check(host, port, this.#isNamed(service, host))),
      onClient: (socket) => onClient(service, socket),
      onRefused: (socket, error) => onRefused(service, socket, error),
      retry,
    });
    this.#open.set(service, { listener, place });
  }

  /** Whether the configuration names this host for the service's listener. */
  #isNamed(service: string, host: string): boolean {
    return this.#listen.get(service)?.host === host;
  }

  #remove(name: string, listener: Listener): void {
    listener.close();
    this.#open.delete(name);
    this.#options.log.info({ service: name, address: listener.address }, "The listener is closed.");
  }

  /** The address of the service's listener; null when the range has none left. */
  #addressOf(service: VisibleService, needed: ReadonlySet<string>): Address | null {
    const at = this.#listen.get(service.name);
    const port = at?.port ?? service.port;
    const host = at?.host ?? this.#hostOf(service.name, port, needed);
    return host === null ? null : { host, port, place: formatAddress(host, port) };
  }

  #hostOf(service: string, port: number, needed: ReadonlySet<string>): string | null {
    const { ownTargets } = this.#options;
    if (this.#bind.kind === "address") return this.#bind.address;
    const isBlocked = (address: string) => (ownTargets?.takenBy(address, port) ?? null) !== null;
    return this.#pool?.assign(service, needed, isBlocked) ?? null;
  }

  #exhaust(service: string): void {
    this.#exhausted.add(service);
    const { action, meaning } = ERRORS["listener.exhausted"];
    this.#options.log.warn({ service, code: "listener.exhausted", action }, meaning);
  }

  #rangeText(): string {
    return this.#bind.kind === "range" ? this.#bind.range.text : DEFAULT_HOST;
  }

  /** A failure is only logged: at worst, services have other addresses after a restart. */
  #store(book: AddressBook): void {
    this.#book = book;
    const { state, log } = this.#options;
    state.writeAtomic(ADDRESSES_FILE, `${JSON.stringify(book, null, 2)}\n`).catch((error: unknown) => {
      log.error({ error: String(error) }, "The addresses of services could not be stored.");
    });
  }
}

const byName = (addresses: readonly ListenerAddress[]): ReadonlyMap<string, ListenerAddress> =>
  new Map(addresses.map((address) => [address.name, address]));

/** Null when every listener is at one address. */
const poolOf = (bind: Bind, book: AddressBook | null) =>
  bind.kind === "range" ? new AddressPool(bind.range, book) : null;
