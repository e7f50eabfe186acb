/** The ports of one service, as its offers settle them (docs/protocol.md, "The ports of a service"). Pure. */
import { MAX_PORTS } from "../../../protocol/uplink/messages.ts";

/** The ports that an offer gives its service, if the offer is the first. */
export interface PortWish {
  /** In the order of the site; at least one. */
  readonly ports: readonly number[];
  /** Whether the site asks for these ports. Otherwise the offer has the first port of the service, whichever it is. */
  readonly explicit: boolean;
}

/** An offer of the service, with the ports that the service had by the last decision. */
interface PortOffer {
  readonly servicePorts: readonly number[];
  readonly wish: PortWish;
}

export class ServicePorts {
  readonly #ports: number[];

  private constructor(ports: readonly number[]) {
    this.#ports = [...ports];
  }

  /**
   * Settles the ports of a service. The service keeps its ports, in their order, while any accepted offer is left that
   * has one of them, and loses the ports that none has. If no accepted offer has any, or none is accepted yet, the
   * oldest sets the ports. Each further offer that shares a port with the service adds its others.
   * @param accepted offers that are accepted so far, oldest first
   * @param others offers that are not, oldest first
   */
  static settle(accepted: readonly PortOffer[], others: readonly PortOffer[]): ServicePorts {
    const holder = accepted.find(({ servicePorts, wish }) => new ServicePorts(servicePorts).has(wish));
    const [oldest] = [...accepted, ...others];
    const service = new ServicePorts(holder?.servicePorts ?? oldest?.wish.ports ?? []);
    if (holder !== undefined) service.#keepPortsOf(accepted);
    service.#add([...accepted, ...others]);
    return service;
  }

  /** The ports of the service, the first of which clients know that know only one. */
  get list(): readonly number[] {
    return this.#ports;
  }

  /** Whether an offer is of this service: its site asks for no port, or for one that the service has, at least. */
  has({ ports, explicit }: PortWish): boolean {
    if (!explicit) return true;
    return (
      ports.some((port) => this.#ports.includes(port)) &&
      new Set([...this.#ports, ...ports]).size <= MAX_PORTS
    );
  }

  /** Drops the ports that no offer of the service has. */
  #keepPortsOf(offers: readonly PortOffer[]): void {
    const [first] = this.#ports;
    const wishes = offers.map(({ wish }) => wish).filter((wish) => this.has(wish));
    const held = new Set(wishes.flatMap(({ ports, explicit }) => (explicit ? [...ports] : [first])));
    this.#ports.splice(0, Number.POSITIVE_INFINITY, ...this.#ports.filter((port) => held.has(port)));
  }

  /** Adds the ports of all offers that share one with the service, also by ports that others of them add. */
  #add(offers: readonly PortOffer[]): void {
    let waiting = offers.filter(({ wish }) => wish.explicit);
    for (let isGrowing = true; isGrowing; ) {
      isGrowing = false;
      const apart: PortOffer[] = [];
      for (const offer of waiting) {
        if (!this.has(offer.wish)) {
          apart.push(offer);
          continue;
        }
        for (const port of offer.wish.ports) {
          if (this.#ports.includes(port)) continue;
          this.#ports.push(port);
          isGrowing = true;
        }
      }
      waiting = apart;
    }
  }
}
