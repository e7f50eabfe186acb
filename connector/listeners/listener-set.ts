/** The listeners of this site, one for each port of each service that another site offers. */
import type { Socket as UdpSocket } from "node:dgram";
import type { Socket } from "node:net";
import { compareText } from "../../protocol/compare-text.ts";
import { ERRORS, type FairleadError } from "../../protocol/errors.ts";
import { type Transport, transportOf } from "../../protocol/names.ts";
import type { ListenerReport, ServicePort, VisibleService } from "../../protocol/uplink/messages.ts";
import {
  type Bind,
  DEFAULT_BIND,
  DEFAULT_HOST,
  formatBind,
  type ListenerAddress,
  listenKey,
} from "../config/service-options.ts";
import type { Log } from "../log.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { DescriptorWatch } from "../resources/descriptor-watch.ts";
import type { StateStore } from "../state/store.ts";
import { AddressBook, AddressPool } from "./address-pool.ts";
import { needsListener } from "./catalogue.ts";
import { type AddressOwner, Listener } from "./listener.ts";

const ADDRESSES_FILE = "addresses.json";

/** The addresses of targets on this machine. */
export interface OwnedAddresses {
  /** The owner of an address, as far as it is known now; null when no target is there. */
  takenBy(host: string, port: number, place?: Place): AddressOwner | null;
  /** The owner of an address, after the targets' names are looked up and the other connectors have answered. */
  check(host: string, port: number, place?: Place): Promise<AddressOwner | null>;
}

/** What a listener would be, beside its address. */
interface Place {
  /** Whether the targets of other connectors do not count. */
  readonly ownOnly?: boolean;
  /** TCP unless given. */
  readonly transport?: Transport;
}

/** Listener ports that something else assigns: Services of a cluster lead to them. */
export interface AssignedPorts {
  /** The host of every listener. */
  readonly host: string;
  /** The local port for a port of a service. Null while it has none: it then has no listener. */
  portOf(service: string, port: number, transport: Transport): number | null;
}

/** As long as nothing is assigned there is no listener. */
export const NOTHING_ASSIGNED: AssignedPorts = { host: DEFAULT_HOST, portOf: () => null };

/** The port of a service that a listener is for. */
export interface ListenerPort extends ServicePort {
  readonly service: string;
}

export interface ListenerSetOptions {
  readonly state: StateStore;
  readonly bind: Bind;
  readonly listen: readonly ListenerAddress[];
  /** Decides where listeners are. Those that `bind` and `listen` name are there as well, if they name any. */
  readonly assigned?: AssignedPorts | undefined;
  /** See {@link localSocketOptions}. */
  readonly keepAliveMs?: number | null | undefined;
  /** Counts the descriptors of clients. */
  readonly descriptors?: DescriptorWatch;
  readonly onClient: (at: ListenerPort, socket: Socket) => void;
  /** A UDP listener is bound. */
  readonly onUdp: (at: ListenerPort, socket: UdpSocket) => void;
  /** See {@link ListenerOptions.onRefused}. */
  readonly onRefused: (at: ListenerPort, socket: Socket, error: FairleadError) => void;
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

/** A listener that is wanted. */
interface Wanted {
  readonly at: ListenerPort;
  readonly address: Address;
  readonly transport: Transport;
  /** Whether the service has other ports too. */
  readonly isOneOfSeveral: boolean;
  /** Whether a report names it: of two listeners of a port, one is reported. */
  readonly isReported: boolean;
}

/** A listener. What it is for may change while its address stays. */
interface OpenListener {
  readonly listener: Listener;
  readonly service: string;
  wanted: Wanted;
}

export class ListenerSet {
  readonly #options: ListenerSetOptions;
  #bind: Bind;
  #listen: ReadonlyMap<string, readonly ListenerAddress[]>;
  /** By service and address: a listener at an unchanged address is not touched. */
  readonly #open = new Map<string, OpenListener>();
  /** Services for which the range has no address left. */
  readonly #exhausted = new Set<string>();
  /** Null when every listener is at one address. */
  #pool: AddressPool | null;
  /** Addresses that were assigned out of the range, as they were stored last. */
  #book: AddressBook | null;
  #services: readonly VisibleService[] = [];
  /** Why clients of a service are refused. */
  readonly #troubles = new Map<string, FairleadError>();
  #assigned: AssignedPorts | undefined;
  #isClosed = false;

  private constructor(options: ListenerSetOptions, book: AddressBook | null) {
    this.#options = options;
    this.#bind = options.bind;
    this.#listen = byName(options.listen);
    this.#book = book;
    this.#pool = poolOf(options.bind, book);
    this.#assigned = options.assigned;
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

  /** Moves the listeners to where something else assigns them. Those that the configuration names stay. */
  assign(assigned: AssignedPorts): void {
    this.#assigned = assigned;
    this.set(this.#services);
  }

  /** Ports of listeners whose host the configuration names. */
  get namedPorts(): number[] {
    return [...this.#listen.values()].flat().flatMap(({ host, port }) => (host === null ? [] : [port]));
  }

  /** Makes the listeners those of `services`. A listener whose address is the same is not touched. */
  set(services: readonly VisibleService[]): void {
    if (this.#isClosed) return;
    this.#services = services;
    const needed = new Set(services.map(({ name }) => name));
    const before = this.#pool?.book;
    const exhausted = this.#exhausted.size > 0;
    this.#exhausted.clear();
    const wanted = new Map<string, Wanted>();
    for (const service of services) {
      for (const each of this.#wantedFor(service, needed)) {
        const key = `${service.name} ${each.address.place} ${each.transport}`;
        // A second listener at the same address fails, and says so.
        wanted.set(wanted.has(key) ? `${key} ${each.at.port}` : key, each);
      }
    }
    let changed = exhausted;
    // Every address is given up before one is taken: two listeners may change places.
    for (const [key, open] of this.#open) {
      if (wanted.has(key)) continue;
      this.#remove(key, open);
      changed = true;
    }
    for (const [key, each] of wanted) {
      const open = this.#open.get(key);
      if (open === undefined) this.#listenAt(key, each);
      else {
        changed ||=
          open.wanted.at.port !== each.at.port || open.wanted.isOneOfSeveral !== each.isOneOfSeveral;
        open.wanted = each;
      }
    }
    if (this.#pool !== null && this.#pool.book !== before) this.#store(this.#pool.book);
    if (changed || this.#exhausted.size > 0) this.#options.onChange();
  }

  /** The states of the listeners, by service and port, without listeners that are starting. */
  reports(): ListenerReport[] {
    const reports: ListenerReport[] = [];
    for (const { listener, service, wanted } of this.#open.values()) {
      if (!wanted.isReported) continue;
      const { address, state } = listener;
      const which = wanted.isOneOfSeveral ? { service, port: wanted.at.port } : { service };
      if (state.state === "listening") reports.push({ ...which, address, ...this.#listening(service) });
      if (state.state === "failed") {
        const { code, message } = state;
        reports.push({ ...which, address, state: "failed", code, message: message.slice(0, 500) });
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
    return reports.sort(
      (left, right) => compareText(left.service, right.service) || (left.port ?? 0) - (right.port ?? 0),
    );
  }

  /** Whether every listener that is needed now takes clients. */
  get isListening(): boolean {
    return [...this.#open.values()].every(({ listener }) => listener.isBound);
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

  /** Marks the listener whose client came in a circle. */
  noteLoop({ service, port }: { readonly service: string; readonly port?: number | undefined }): void {
    for (const { listener, wanted } of this.#open.values()) {
      if (wanted.at.service === service && wanted.at.port === (port ?? wanted.at.port)) listener.noteLoop();
    }
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
    for (const [key, open] of this.#open) this.#remove(key, open);
  }

  #listenAt(key: string, wanted: Wanted): void {
    const { service } = wanted.at;
    const { host, port } = wanted.address;
    const { transport } = wanted;
    const { onUdp } = this.#options;
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
      addressOwner:
        ownTargets &&
        (() => ownTargets.check(host, port, { ownOnly: this.#isNamed(service, host), transport })),
      onClient: (socket) => onClient(open.wanted.at, socket),
      onUdp: transport === "udp" ? (socket) => onUdp(open.wanted.at, socket) : undefined,
      onRefused: (socket, error) => onRefused(open.wanted.at, socket, error),
      retry,
    });
    const open: OpenListener = { listener, service, wanted };
    this.#open.set(key, open);
  }

  /** Whether the configuration names this host for a listener of the service. */
  #isNamed(service: string, host: string): boolean {
    return this.#listen.get(service)?.some((each) => each.host === host) === true;
  }

  #remove(key: string, { listener, service }: OpenListener): void {
    listener.close();
    this.#open.delete(key);
    this.#options.log.info({ service, address: listener.address }, "The listener is closed.");
  }

  /** The listeners that a service needs: none for a port that needs none now, whose address stays reserved. */
  #wantedFor(service: VisibleService, needed: ReadonlySet<string>): Wanted[] {
    if (this.#assigned === undefined) return this.#configuredFor(service, needed);
    const isNamed = formatBind(this.#bind) !== formatBind(DEFAULT_BIND) || this.#listen.has(service.name);
    const configured = isNamed ? this.#configuredFor(service, needed) : [];
    return [...configured, ...assignedTo(service, this.#assigned, configured.length === 0)];
  }

  /**
   * A listener for each port, all at one host, except where the configuration names another for a port. None when the
   * range has no address left.
   */
  #configuredFor(service: VisibleService, needed: ReadonlySet<string>): Wanted[] {
    const { name } = service;
    const ports = portsOf(service);
    const given = this.#listen.get(name) ?? [];
    const ofAll = given.find(({ servicePort }) => servicePort === undefined);
    const listeners = ports.map((each, index) => {
      const own = given.find(({ servicePort }) => servicePort === each.port);
      const port = own?.port ?? (index === 0 ? ofAll?.port : undefined) ?? each.port;
      const transport = transportOf(each.protocol);
      return { at: { service: name, ...each }, host: own?.host ?? ofAll?.host ?? null, port, transport };
    });
    const unnamed = listeners.filter(({ host }) => host === null);
    const common = unnamed.length === 0 ? null : this.#hostOf(name, unnamed, needed);
    if (unnamed.length > 0 && common === null) this.#exhaust(name);
    return listeners.flatMap(({ at, host: own, port, transport }): Wanted[] => {
      const host = own ?? common;
      if (host === null || !needsListener(service, at)) return [];
      const address = { host, port, place: formatAddress(host, port) };
      return [{ at, address, transport, isOneOfSeveral: service.ports !== undefined, isReported: true }];
    });
  }

  /** The host of a service's listeners at these local ports; null when the range has none left. */
  #hostOf(
    service: string,
    ports: readonly { readonly port: number; readonly transport: Transport }[],
    needed: ReadonlySet<string>,
  ): string | null {
    const { ownTargets } = this.#options;
    if (this.#bind.kind === "address") return this.#bind.address;
    const isBlocked = (address: string) =>
      ports.some(
        ({ port, transport }) => (ownTargets?.takenBy(address, port, { transport }) ?? null) !== null,
      );
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

/** The last entry for the same port of a service counts. */
const byName = (addresses: readonly ListenerAddress[]): ReadonlyMap<string, readonly ListenerAddress[]> =>
  Map.groupBy(
    new Map(addresses.map((address) => [listenKey(address), address])).values(),
    ({ name }) => name,
  );

/** Null when every listener is at one address. */
const poolOf = (bind: Bind, book: AddressBook | null) =>
  bind.kind === "range" ? new AddressPool(bind.range, book) : null;

/** The listeners of a service at the ports that something else assigned. */
function assignedTo(service: VisibleService, assigned: AssignedPorts, isReported: boolean): Wanted[] {
  const { host } = assigned;
  return portsOf(service).flatMap((each): Wanted[] => {
    const transport = transportOf(each.protocol);
    const port = assigned.portOf(service.name, each.port, transport);
    if (port === null || !needsListener(service, each)) return [];
    const at = { service: service.name, ...each };
    const address = { host, port, place: formatAddress(host, port) };
    return [{ at, address, transport, isOneOfSeveral: service.ports !== undefined, isReported }];
  });
}

/** The ports of a service. */
const portsOf = ({ ports, port, protocol }: VisibleService): readonly ServicePort[] =>
  ports ?? [{ port, protocol }];
