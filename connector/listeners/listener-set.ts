/** The listeners of this site: one for each service that another site offers. */
import type { Socket } from "node:net";
import { ERRORS, type FairleadError } from "../../protocol/errors.ts";
import type { ListenerReport, VisibleService } from "../../protocol/uplink/messages.ts";
import { type Bind, DEFAULT_HOST, type ListenAt } from "../config/service-options.ts";
import type { Log } from "../log.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { DescriptorWatch } from "../resources/descriptor-watch.ts";
import type { StateDirectory } from "../state/directory.ts";
import { AddressBook, allocate } from "./address-pool.ts";
import { type AddressOwner, Listener } from "./listener.ts";

const ADDRESSES_FILE = "addresses.json";

/** The addresses of targets on this machine. `ownOnly`: of this connector alone. */
export interface OwnedAddresses {
  /** The owner of an address, with what is known now; null when no target is there. */
  takenBy(host: string, port: number, ownOnly?: boolean): AddressOwner | null;
  /** The owner of an address, once the targets' names are looked up and the other connectors have answered. */
  check(host: string, port: number, ownOnly?: boolean): Promise<AddressOwner | null>;
}

export interface ListenerSetOptions {
  readonly state: StateDirectory;
  readonly bind: Bind;
  readonly listen: readonly ListenAt[];
  /** See {@link localSocketOptions}. */
  readonly keepAliveMs?: number | null | undefined;
  /** Says whether there are descriptors for clients. */
  readonly descriptors?: DescriptorWatch;
  readonly onClient: (service: string, socket: Socket) => void;
  /** See {@link ListenerOptions.onRefused}. */
  readonly onRefused: (service: string, socket: Socket, error: FairleadError) => void;
  /** The targets of this machine's connectors, whose addresses no listener takes. */
  readonly ownTargets?: OwnedAddresses;
  /** The listeners or their states changed. */
  readonly onChange: () => void;
  readonly log: Log;
  readonly retry?: { readonly base: number; readonly cap: number };
}

export class ListenerSet {
  readonly #options: ListenerSetOptions;
  readonly #listen: ReadonlyMap<string, ListenAt>;
  readonly #open = new Map<string, { readonly listener: Listener; readonly place: string }>();
  /** Services for which the range has no address. */
  readonly #exhausted = new Set<string>();
  #book: AddressBook | null;
  #services: readonly VisibleService[] = [];

  private constructor(options: ListenerSetOptions, book: AddressBook | null) {
    this.#options = options;
    this.#listen = new Map(options.listen.map((at) => [at.name, at]));
    this.#book = book;
  }

  /** @throws FairleadError `state.corrupt`. */
  static async load(options: ListenerSetOptions): Promise<ListenerSet> {
    return new ListenerSet(options, await options.state.readJson(ADDRESSES_FILE, AddressBook));
  }

  /** Makes the listeners those of `services`; what has not changed is not touched. */
  set(services: readonly VisibleService[]): void {
    this.#services = services;
    const wanted = new Map(services.map((service) => [service.name, service]));
    const before = this.#book;
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
    if (this.#book !== before) this.#store();
    if (changed || this.#exhausted.size > 0) this.#options.onChange();
  }

  /** How the listeners stand, by service. Those that are just starting are left out. */
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

  /** A listener that resets its clients is of no more use than one that failed. */
  #listening(): Pick<ListenerReport, "state" | "code" | "message"> {
    if (this.#options.descriptors?.use?.exhausted !== true) return { state: "listening" };
    const code = "connector.descriptors";
    return { state: "failed", code, message: ERRORS[code].meaning };
  }

  /** Whether a listener of this site is at the port, whatever its address. */
  isAt(port: number): boolean {
    for (const { listener } of this.#open.values()) if (listener.port === port) return true;
    return false;
  }

  /** A client of the service's listener came in a circle. */
  noteLoop(service: string): void {
    this.#open.get(service)?.listener.noteLoop();
  }

  /** The targets of this machine's connectors have changed: no listener stays at one. */
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
      // Where an address was asked for by name, other connectors may have it as a target: so networks are joined.
      ownTarget: ownTargets && (() => ownTargets.check(host, port, ownOnly)),
      onClient: (socket) => onClient(service, socket),
      onRefused: (socket, error) => onRefused(service, socket, error),
      ...(retry ? { retry } : {}),
    });
    this.#open.set(service, { listener, place });
  }

  #remove(name: string, listener: Listener): void {
    listener.close();
    this.#open.delete(name);
    this.#options.log.info({ service: name, address: listener.address }, "listener closed");
  }

  /** Where the service's listener belongs; null when the range has no address for it. */
  #addressOf(service: VisibleService, needed: ReadonlySet<string>): { host: string; port: number } | null {
    const { bind } = this.#options;
    const at = this.#listen.get(service.name);
    const port = at?.port ?? service.port;
    if (at?.host) return { host: at.host, port };
    if (bind.kind === "address") return { host: bind.address, port };
    const { ownTargets } = this.#options;
    const isBlocked = (address: string) => (ownTargets?.takenBy(address, port) ?? null) !== null;
    const given = allocate(bind.range, this.#book, service.name, needed, isBlocked);
    if (given === null) return null;
    if (this.#book?.range !== given.book.range || this.#book.addresses[service.name] !== given.address) {
      this.#book = given.book;
    }
    return { host: given.address, port };
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

  /** A book that cannot be stored costs other addresses after a restart at worst: a line in the log, no end. */
  #store(): void {
    const { state, log } = this.#options;
    state.writeAtomic(ADDRESSES_FILE, `${JSON.stringify(this.#book, null, 2)}\n`).catch((error: unknown) => {
      log.error({ error: String(error) }, "the addresses of services could not be stored");
    });
  }
}
