/** A network in memory: what one site offers, the others see at once. It stands for connectors and an edge. */
import type { McsNetwork } from "../../../connector/kubernetes/mcs/network.ts";
import type { ManagedExposure } from "../../../connector/targets/managed-exposures.ts";
import type { ClustersetSource } from "../../../protocol/dns/clusterset-zone.ts";
import type { VisibleService } from "../../../protocol/uplink/messages.ts";

export class MemoryNetwork {
  readonly #members: MemoryMember[] = [];

  /** Adds a site. @param address where its listeners are */
  join(site: string, siteName: string, address: string): MemoryMember {
    const member = new MemoryMember(this, { site, siteName }, address);
    this.#members.push(member);
    return member;
  }

  /** What the other sites offer. */
  seenBy(viewer: MemoryMember): VisibleService[] {
    const services = new Map<string, VisibleService>();
    for (const member of this.#members) {
      if (member === viewer || member.isRevoked) continue;
      for (const exposure of member.exposures) {
        const known = services.get(exposure.name);
        const offers = [...(known?.offers ?? []), member.offerOf(exposure)];
        const ports = exposure.ports.map(({ servicePort: port, protocol }) => ({ port, protocol }));
        const [first = { port: 9, protocol: "tcp" }] = ports;
        services.set(exposure.name, { name: exposure.name, ...first, ports, offers } as VisibleService);
      }
    }
    return [...services.values()];
  }

  changed(): void {
    for (const member of this.#members) member.notify();
  }
}

export class MemoryMember implements McsNetwork {
  exposures: readonly ManagedExposure[] = [];
  isComplete = true;
  isRevoked = false;
  names: ClustersetSource | null = null;
  /** Refusals by the service's name. */
  readonly refusals = new Map<string, string>();
  readonly #network: MemoryNetwork;
  readonly #site: { readonly site: string; readonly siteName: string };
  readonly #address: string;
  readonly #ports = new Map<string, number>();
  readonly #listeners: (() => void)[] = [];

  constructor(
    network: MemoryNetwork,
    site: { readonly site: string; readonly siteName: string },
    address: string,
  ) {
    this.#network = network;
    this.#site = site;
    this.#address = address;
  }

  offerOf({ export: details, headless }: ManagedExposure) {
    return {
      ...this.#site,
      boot: `b${this.#site.site.slice(1)}`,
      ...(details === undefined ? {} : { export: details }),
      ...(headless === undefined ? {} : { headless }),
    };
  }

  services(): readonly VisibleService[] {
    return this.#network.seenBy(this);
  }

  setExposures(exposures: readonly ManagedExposure[]): void {
    this.exposures = exposures;
    this.#network.changed();
  }

  refusal(service: string): string | null {
    return this.refusals.get(service) ?? null;
  }

  addresses(): readonly string[] {
    return [this.#address];
  }

  listenerPort(service: string, port: number, transport: "tcp" | "udp"): number {
    const key = `${service} ${port} ${transport}`;
    const known = this.#ports.get(key) ?? 20_000 + this.#ports.size;
    this.#ports.set(key, known);
    return known;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  notify(): void {
    for (const listener of this.#listeners) listener();
  }

  setNames(names: ClustersetSource): void {
    this.names = names;
  }

  namesChanged(): void {}
}
