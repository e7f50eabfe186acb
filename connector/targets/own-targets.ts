/**
 * The addresses of targets of this machine's connectors, which no listener may take. A connector that listened at its
 * own target's address would connect to itself endlessly, and would keep a stopped target from starting again.
 */

import type { Transport } from "../../protocol/names.ts";
import type { NameResolver } from "../net/name-resolver.ts";
import { addressOf } from "../net/system-names.ts";
import { type TargetAddress, takes } from "./target-address.ts";

/** A target as an offer has it. */
interface OfferedTarget {
  /** The service. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly transport: Transport;
}

export interface OwnTargetsOptions {
  /** The targets of the services that this site offers now: the same array until they change. */
  readonly offers: () => readonly OfferedTarget[];
  readonly names: Pick<NameResolver, "resolve">;
  /** The known targets of other connectors on this machine; `ready` resolves when those connectors have answered. */
  readonly others?: { known(): readonly TargetAddress[]; readonly ready: Promise<void> };
}

/** A target of this connector, at one of its addresses. */
export interface OwnTarget extends TargetAddress {
  /** The host as the site named it. */
  readonly host: string;
  readonly transport: Transport;
}

/** What a listener would be, beside its address. */
export interface Place {
  /** Whether the targets of other connectors do not count. */
  readonly ownOnly?: boolean;
  /** TCP unless given. */
  readonly transport?: Transport;
}

export class OwnTargets {
  readonly #options: OwnTargetsOptions;
  /** The last known addresses of each host. */
  readonly #addresses = new Map<string, readonly string[]>();
  /** The targets of these offers; null after an address changed. */
  #known: {
    readonly offers: readonly OfferedTarget[];
    readonly targets: readonly OwnTarget[];
    readonly byPort: ReadonlyMap<number, readonly OwnTarget[]>;
    readonly namesByPort: ReadonlyMap<number, readonly OfferedTarget[]>;
  } | null = null;
  #onChange: () => void = () => {};

  constructor(options: OwnTargetsOptions) {
    this.#options = options;
  }

  /** Sets the function that is called when addresses of targets have changed. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** This connector's targets, at the addresses known now. */
  list(): readonly OwnTarget[] {
    return this.#index().targets;
  }

  #index() {
    const offers = this.#options.offers();
    if (this.#known?.offers === offers) return this.#known;
    const named: OfferedTarget[] = [];
    const targets = offers.flatMap((offer): OwnTarget[] => {
      const { name: service, host, port, transport } = offer;
      const isName = addressOf(host) === null;
      if (isName) named.push(offer);
      const addresses = isName ? (this.#addresses.get(host) ?? []) : [host];
      return addresses.map((address) => ({ address, host, port, transport, service, site: null }));
    });
    const byPort = Map.groupBy(targets, ({ port }) => port);
    this.#known = { offers, targets, byPort, namesByPort: Map.groupBy(named, ({ port }) => port) };
    return this.#known;
  }

  /** Looks up the names of targets, at all ports or one. A name that cannot be looked up keeps its addresses. */
  async refresh(port?: number): Promise<void> {
    const { namesByPort } = this.#index();
    const named = port === undefined ? [...namesByPort.values()].flat() : (namesByPort.get(port) ?? []);
    const hosts = new Set(named.map(({ host }) => host));
    let changed = false;
    await Promise.all(
      [...hosts].map(async (host) => {
        const found = await this.#options.names.resolve(host).catch(() => null);
        if (found === null) return;
        const addresses = found.map(({ address }) => address).sort();
        if (this.#addresses.get(host)?.join() === addresses.join()) return;
        this.#addresses.set(host, addresses);
        changed = true;
      }),
    );
    if (!changed) return;
    this.#known = null;
    this.#onChange();
  }

  /**
   * The target whose connections a listener there would get, as far as it is known now; null when there is none. The
   * other connectors tell only of targets for TCP.
   */
  takenBy(
    host: string,
    port: number,
    { ownOnly = false, transport = "tcp" }: Place = {},
  ): TargetAddress | null {
    const others = ownOnly || transport === "udp" ? [] : (this.#options.others?.known() ?? []);
    const own = (this.#index().byPort.get(port) ?? []).filter((target) => target.transport === transport);
    return [...own, ...others].find((target) => takes({ host, port }, target)) ?? null;
  }

  /** As {@link takenBy}, after the names of targets at that port are looked up and the other connectors have answered. */
  async check(host: string, port: number, place: Place = {}): Promise<TargetAddress | null> {
    await Promise.all([this.refresh(port), this.#options.others?.ready]);
    return this.takenBy(host, port, place);
  }
}
