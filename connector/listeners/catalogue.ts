/**
 * The services of the network that this site may see, as the registry reported them. They stay as they are while the
 * uplink is away.
 */
import type { ServicePort, VisibleOffer, VisibleService } from "../../protocol/uplink/messages.ts";
import { Waiters } from "../async/waiters.ts";
import { type Log, silent } from "../log.ts";

/** Services that a connector takes from its edge, and ports of all of them: each listener holds a descriptor. */
export const MAX_SERVICES = 10_000;

export interface CatalogueChange {
  /** Services that are added or replaced. */
  readonly put: readonly VisibleService[];
  /** Names of services that are removed; a name that is also in `put` stays. */
  readonly gone: readonly string[];
  /** Whether the welcome that this change continues is now complete. */
  readonly complete?: boolean | undefined;
}

export class Catalogue {
  readonly #onChange: () => void;
  readonly #log: Log;
  readonly #waiters = new Waiters();
  /** Services by name. Never changed in place. */
  #services: ReadonlyMap<string, VisibleService> = new Map();
  /** Names from before a welcome that is not complete yet, which the welcome has not named so far. */
  #unconfirmed: ReadonlySet<string> = new Set();
  /** The ports of services, as {@link lookupPort} found them. */
  readonly #ports = new WeakMap<VisibleService, Map<number, VisibleService | undefined>>();
  /** Services beyond {@link MAX_SERVICES}. */
  #dropped = 0;

  /** Whether every service is known that the registry shows this site. */
  #isComplete = false;
  /** Whether the catalogue was emptied for another reason than that the registry named no services. */
  #isCleared = false;

  /** `onChange` is called after each change. */
  constructor(onChange: () => void, log: Log = silent) {
    this.#onChange = onChange;
    this.#log = log;
  }

  /** Whether the first welcome has arrived, with all of its parts. A name that is not here then does not exist. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /**
   * Whether the registry said that this site sees no service of that name. False while that is only not known: before the
   * first complete welcome, for a site that was revoked, and for services beyond {@link MAX_SERVICES}.
   */
  isGone(name: string): boolean {
    return this.isWhole && !this.#services.has(name);
  }

  /** Whether the services are all that the registry shows this site, so that another one does not exist. */
  get isWhole(): boolean {
    return this.#isComplete && !this.#isCleared && this.#dropped === 0;
  }

  lookup(name: string): VisibleService | undefined {
    return this.#services.get(name);
  }

  /**
   * A service at one of its ports, the first unless given: with the protocol of the port, and the offers that serve it.
   * Undefined if the service has no such port. A service with a single port has it under any number, since the network
   * may have given it another. The same object until the service changes.
   */
  lookupPort(name: string, port?: number): VisibleService | undefined {
    const service = this.#services.get(name);
    if (service?.ports === undefined) return service;
    const wanted = port ?? service.port;
    const known = this.#ports.get(service) ?? new Map<number, VisibleService | undefined>();
    this.#ports.set(service, known);
    if (!known.has(wanted)) known.set(wanted, atPort(service, wanted));
    return known.get(wanted);
  }

  /** Services that another site offers. A service that only this site offers has no offers here, and needs no listener,
   * as a zone. */
  reachable(): VisibleService[] {
    return [...this.#services.values()].filter(({ offers }) => offers.some(({ zone }) => zone === undefined));
  }

  /**
   * Replaces the catalogue. With `more`, changes follow that belong to the welcome, up to a `complete` one: until then
   * services that were known before stay, so that no listener closes for a moment.
   */
  welcome(services: readonly VisibleService[], more = false): void {
    // What was cleared is not known again before the welcome is complete.
    this.#isCleared &&= more;
    this.#isComplete ||= !more;
    const named = new Set(services.map(({ name }) => name));
    const before = more ? [...this.#services] : [];
    this.#unconfirmed = new Set(before.map(([name]) => name).filter((name) => !named.has(name)));
    this.#set(new Map([...before, ...services.map((service) => [service.name, service] as const)]));
  }

  /** Empties the catalogue of a site that may see nothing any longer. */
  clear(): void {
    this.#isCleared = true;
    this.#unconfirmed = new Set();
    this.#set(new Map());
  }

  change({ put, gone, complete = false }: CatalogueChange): void {
    this.#isCleared &&= !complete;
    this.#isComplete ||= complete;
    const unconfirmed = new Set(this.#unconfirmed);
    for (const { name } of put) unconfirmed.delete(name);
    this.#unconfirmed = complete ? new Set() : unconfirmed;
    const next = new Map(this.#services);
    for (const name of complete ? [...gone, ...unconfirmed] : gone) next.delete(name);
    for (const service of put) next.set(service.name, service);
    this.#set(next);
  }

  /** Resolves at the next change, after `ms`, or when `signal` aborts. */
  changed(ms: number, signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(ms, signal);
  }

  #set(services: ReadonlyMap<string, VisibleService>): void {
    let ports = 0;
    const kept = [...services].filter(([, service]) => {
      ports += service.ports?.length ?? 1;
      return ports <= MAX_SERVICES;
    });
    const dropped = services.size - kept.length;
    if (dropped > 0 && this.#dropped === 0) {
      const text = `The edge names more than ${MAX_SERVICES} ports of services: the last services are left out.`;
      this.#log.warn({ services: services.size }, text);
    }
    this.#dropped = dropped;
    this.#services = dropped > 0 ? new Map(kept) : services;
    this.#onChange();
    this.#waiters.wake();
  }
}

/**
 * Whether clients of a port need a listener. A tcp port has none while its targets are down at every instance, because
 * only a refused connection can say that nobody is there; an http port keeps its listener, which answers 503
 * (docs/protocol.md, "The targets of a service").
 */
export function needsListener({ offers }: VisibleService, { port, protocol }: ServicePort): boolean {
  if (protocol === "http" || protocol === "http2") return true;
  const serving = offers.filter(({ ports }) => ports?.includes(port) !== false);
  return serving.length === 0 || serving.some((offer) => isUpAt(offer, port));
}

/** Whether an instance serves a port and a target of it is up there. */
export function isUpAt({ ports, down }: VisibleOffer, port: number): boolean {
  return ports?.includes(port) !== false && down?.includes(port) !== true;
}

function atPort(service: VisibleService, port: number): VisibleService | undefined {
  const found = service.ports?.find((each) => each.port === port);
  if (found === undefined) return undefined;
  const offers = service.offers.filter(({ ports }) => ports === undefined || ports.includes(port));
  return { ...service, ...found, offers };
}
