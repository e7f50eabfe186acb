/**
 * The targets of this machine's connectors, which no listener may take. A connector that listens at its own target's
 * address answers itself, for ever, and keeps the target from coming back once it has stopped.
 */
import type { NameResolver } from "../net/name-resolver.ts";
import { addressOf } from "../net/system-names.ts";
import { type TargetAddress, takes } from "./target-address.ts";

export interface OwnTargetsOptions {
  /** What this site offers now. */
  readonly offers: () => readonly { readonly name: string; readonly host: string; readonly port: number }[];
  readonly names: Pick<NameResolver, "resolve">;
  /** Targets of other connectors on this machine, as far as they are known; resolves what is being learned. */
  readonly others?: { known(): readonly TargetAddress[]; readonly ready: Promise<void> };
}

export class OwnTargets {
  readonly #options: OwnTargetsOptions;
  /** Addresses of hosts, as they were last. */
  readonly #addresses = new Map<string, readonly string[]>();
  #onChange: () => void = () => {};

  constructor(options: OwnTargetsOptions) {
    this.#options = options;
  }

  /** Called when addresses of targets have changed. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** The own targets, at the addresses known now. */
  list(): TargetAddress[] {
    return this.#options.offers().flatMap(({ name, host, port }) => {
      const addresses = addressOf(host) === null ? (this.#addresses.get(host) ?? []) : [host];
      return addresses.map((address) => ({ address, port, service: name, site: null }));
    });
  }

  /** Looks up the names of targets, of all ports or one. A name that cannot be looked up keeps its addresses. */
  async refresh(port?: number): Promise<void> {
    const offers = this.#options.offers().filter((offer) => port === undefined || offer.port === port);
    const hosts = new Set(offers.map(({ host }) => host).filter((host) => addressOf(host) === null));
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
    if (changed) this.#onChange();
  }

  /** The target that a listener there would take, with what is known now; null when there is none. */
  takenBy(host: string, port: number, ownOnly = false): TargetAddress | null {
    const others = ownOnly ? [] : (this.#options.others?.known() ?? []);
    return [...this.list(), ...others].find((target) => takes({ host, port }, target)) ?? null;
  }

  /** The same, once the names of targets at that port are looked up and the other connectors have told theirs. */
  async check(host: string, port: number, ownOnly = false): Promise<TargetAddress | null> {
    await Promise.all([this.refresh(port), this.#options.others?.ready]);
    return this.takenBy(host, port, ownOnly);
  }
}
