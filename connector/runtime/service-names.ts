/** Where clients of this site reach services: at the site's listeners, or at the targets that only this site has. */
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { familyOf, isWildcard, reverseName } from "../../protocol/dns/address.ts";
import type { ReachablePlace, ReachablePort } from "../../protocol/dns/service-zone.ts";
import { ServiceName } from "../../protocol/names.ts";
import type { ListenerReport, VisibleService } from "../../protocol/uplink/messages.ts";
import { type Exposure, proposedPort, type TargetHost, targetsOf } from "../config/service-options.ts";
import { needsListener } from "../listeners/catalogue.ts";
import { formatAddress, splitAddress } from "../net/local-socket.ts";

/** The parts of the connector that know. */
export interface ServiceNameSources {
  readonly catalogue: { lookup(name: string): VisibleService | undefined; readonly isComplete: boolean };
  readonly listeners: { reports(): readonly ListenerReport[] };
  readonly offers: { list(): readonly Exposure[] };
  readonly refusedOffers: { list(): readonly { readonly name: string }[] };
  /** The places of a service's ports whose targets are all down; null if there are none. */
  readonly withdrawn: (service: string) => { readonly down: readonly number[] } | null;
  readonly servicePorts: { of(service: string): number | undefined };
  readonly ownTargets: {
    list(): readonly (TargetHost & { readonly service: string; readonly address: string })[];
    refresh(): Promise<void>;
  };
  /** Addresses under which clients reach what listens at every address of this machine. */
  readonly wildcardAddresses: (family: 4 | 6) => readonly string[];
  readonly now?: () => number;
}

/** Addresses at which a service has its own ports; null where clients reach it at its listeners. */
export type ServiceAddresses = (service: string) => readonly string[] | null;

/** How long the addresses of targets that are names are taken for their present ones, ms. */
const REFRESH_MS = 5000;

export class ServiceNames {
  readonly #sources: ServiceNameSources;
  readonly #now: () => number;
  /** The listeners by service; null after a change. */
  #listeners: ReadonlyMap<string, readonly ListenerReport[]> | null = null;
  #own: ReadonlyMap<string, Exposure> | null = null;
  /** The services at listeners' addresses, by reverse name; null after a change. */
  #reverse: ReadonlyMap<string, readonly string[]> | null = null;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #addressesOf: ServiceAddresses = () => null;

  constructor(sources: ServiceNameSources) {
    this.#sources = sources;
    this.#now = sources.now ?? (() => performance.now());
  }

  /** Call this when services, listeners, offers or targets have changed. */
  changed(): void {
    this.#listeners = null;
    this.#own = null;
    this.#reverse = null;
  }

  /** From now on services may have addresses of their own, as in a cluster. */
  setAddresses(addressesOf: ServiceAddresses): void {
    this.#addressesOf = addressesOf;
  }

  /** See {@link ReverseSource.isComplete}. */
  get isComplete(): boolean {
    return this.#sources.catalogue.isComplete;
  }

  /** See {@link ReverseSource.servicesAt}. */
  servicesAt(name: string): readonly string[] {
    this.#reverse ??= byAddress(this.#sources.listeners.reports());
    return this.#reverse.get(name) ?? [];
  }

  /** See {@link ServiceSource.ports}. */
  ports(name: string): readonly ReachablePort[] | "absent" | "unknown" {
    const { catalogue } = this.#sources;
    const service = catalogue.lookup(name);
    if (service?.offers.some(({ zone }) => zone === undefined)) return this.#listened(service);
    const own = this.#ownExposures().get(name);
    if (own !== undefined) return this.#targets(own);
    return catalogue.isComplete ? "absent" : "unknown";
  }

  #listened(service: VisibleService): readonly ReachablePort[] | "unknown" {
    const { name, ports, ...first } = service;
    const addresses = this.#addressesOf(name);
    if (addresses !== null) {
      return (ports ?? [first]).map(({ port, protocol }) => ({
        ...{ port, protocol },
        places: needsListener(service, { port, protocol })
          ? addresses.map((address) => ({ address, port }))
          : [],
      }));
    }
    this.#listeners ??= byService(this.#sources.listeners.reports());
    const reports = this.#listeners.get(name) ?? [];
    const all = ports ?? [first];
    // The listener has just been told of the service; a port whose targets are all down may have none.
    if (reports.length === 0 && all.some((port) => needsListener(service, port))) return "unknown";
    const reached = all.map(({ port, protocol }): ReachablePort => {
      const listening = reports.filter(
        (report) => report.state === "listening" && (report.port ?? first.port) === port,
      );
      return { port, protocol, places: listening.flatMap(({ address }) => this.#places(address)) };
    });
    const own = reached.every(({ places }) => places.length === 0)
      ? this.#ownExposures().get(name)
      : undefined;
    return own === undefined ? reached : this.#targets(own);
  }

  /** The offers that the network does not refuse. */
  #ownExposures(): ReadonlyMap<string, Exposure> {
    if (this.#own === null) {
      const refused = new Set(this.#sources.refusedOffers.list().map(({ name }) => name));
      const own = this.#sources.offers.list().filter(({ name }) => !refused.has(name));
      this.#own = new Map(own.map((exposure) => [exposure.name, exposure]));
    }
    return this.#own;
  }

  #targets(exposure: Exposure): readonly ReachablePort[] {
    const { ownTargets, servicePorts } = this.#sources;
    const { name, ports } = exposure;
    const down = this.#sources.withdrawn(name)?.down ?? [];
    if (targetsOf(exposure).some(({ host }) => isIP(host) === 0)) this.#refresh();
    const found = ownTargets.list().filter(({ service }) => service === name);
    return ports.map((exposed, place) => {
      const isItsTarget = (one: { readonly host: string; readonly port: number }) =>
        exposed.targets.some(({ host, port }) => host === one.host && port === one.port);
      // A client that has no address fails at once, and asks again a second later.
      const places = (down.includes(place) ? [] : found)
        .filter(isItsTarget)
        .flatMap(({ address, port, host }) => this.#places(formatAddress(address, port), labelOf(host)));
      const port = exposed.servicePort ?? servicePorts.of(name) ?? proposedPort(exposed);
      return { port, protocol: exposed.protocol, places };
    });
  }

  #places(text: string, target?: string): ReachablePlace[] {
    const { host, port } = splitAddress(text) ?? { host: "", port: 0 };
    const family = familyOf(host);
    if (family === null) return [];
    const addresses = isWildcard(host) ? this.#sources.wildcardAddresses(family) : [host];
    return addresses.map((address) => ({ address, port, target }));
  }

  #refresh(): void {
    if (this.#now() - this.#refreshedAt < REFRESH_MS) return;
    this.#refreshedAt = this.#now();
    void this.#sources.ownTargets.refresh();
  }
}

/** The label of a target's own name: the first of its host name, or its address with dashes. */
function labelOf(host: string): string | undefined {
  const label = isIP(host) === 0 ? host.toLowerCase().split(".")[0] : host.replace(/[.:]+/g, "-");
  return ServiceName.safeParse(label).data;
}

/** The addresses of this machine's networks. */
export function machineAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = all.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address));
  return (outside.length > 0 ? outside : all).map(({ address }) => address);
}

/** The services of listeners, each once, by the reverse names of their addresses. */
function byAddress(reports: readonly ListenerReport[]): ReadonlyMap<string, readonly string[]> {
  const byName = new Map<string, string[]>();
  for (const { service, state, address } of reports) {
    const name = state === "listening" ? reverseName(splitAddress(address)?.host ?? "") : null;
    if (name === null) continue;
    const known = byName.get(name) ?? [];
    if (!known.includes(service)) byName.set(name, [...known, service]);
  }
  return byName;
}

function byService(reports: readonly ListenerReport[]): ReadonlyMap<string, readonly ListenerReport[]> {
  const byName = new Map<string, ListenerReport[]>();
  for (const report of reports) {
    const known = byName.get(report.service);
    if (known === undefined) byName.set(report.service, [report]);
    else known.push(report);
  }
  return byName;
}
