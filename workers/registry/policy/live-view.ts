/**
 * The view of a network that the viewers of its live channel have. Pure: the registry describes what may have changed,
 * and the view finds what did. A service is named, everything else has an id.
 */
import type { LiveStatus } from "../../../protocol/api/live.ts";
import type { NetworkStatus } from "../../../protocol/api/status.ts";

type Delta = Extract<LiveStatus, { type: "delta" }>;
type Site = NetworkStatus["sites"][number];
type Link = NetworkStatus["links"][number];
type Service = NetworkStatus["services"][number];

/** New descriptions of what may have changed; null for what no longer exists. */
export interface Described {
  readonly network?: NetworkStatus["network"];
  readonly sites: ReadonlyMap<string, Site | null>;
  readonly links: ReadonlyMap<string, Link | null>;
  readonly services: ReadonlyMap<string, Service | null>;
}

/** What changed, as a delta has it. */
export type StatusDelta = Pick<Delta, "network" | "sites" | "links" | "services">;

interface Changes<T> {
  readonly put: T[];
  readonly gone: string[];
}

export class LiveView {
  #network: NetworkStatus["network"];
  readonly #sites: Map<string, Site>;
  readonly #links: Map<string, Link>;
  readonly #services: Map<string, Service>;

  constructor({ network, sites, links, services }: NetworkStatus) {
    this.#network = network;
    this.#sites = new Map(sites.map((site) => [site.id, site]));
    this.#links = new Map(links.map((link) => [link.id, link]));
    this.#services = new Map(services.map((service) => [service.name, service]));
  }

  /** The network as the viewers see it. */
  get status(): NetworkStatus {
    return {
      network: this.#network,
      sites: [...this.#sites.values()],
      links: [...this.#links.values()],
      services: [...this.#services.values()],
    };
  }

  /** Ids of the links that have one of these sites at an end, by the sites' names in the view. */
  linksOf(sites: ReadonlySet<string>): string[] {
    const names = new Set([...sites].flatMap((id) => this.#sites.get(id)?.name ?? []));
    return [...this.#links.values()]
      .filter(({ joiner, issuer }) => names.has(joiner) || names.has(issuer))
      .map(({ id }) => id);
  }

  /** Names of the services that one of these sites offers, by the sites' names in the view. */
  servicesOf(sites: ReadonlySet<string>): string[] {
    const names = new Set([...sites].flatMap((id) => this.#sites.get(id)?.name ?? []));
    return [...this.#services.values()]
      .filter((service) => service.sites.some(({ name }) => names.has(name)))
      .map(({ name }) => name);
  }

  /** Takes up new descriptions. Returns what differs from the earlier ones; null if nothing does. */
  apply({ network, sites, links, services }: Described): StatusDelta | null {
    const renamed = network !== undefined && !isSame(network, this.#network);
    if (renamed) this.#network = network;
    const changes = {
      ...(renamed ? { network } : {}),
      ...part("sites", replace(this.#sites, sites)),
      ...part("links", replace(this.#links, links)),
      ...part("services", replace(this.#services, services)),
    };
    return Object.keys(changes).length === 0 ? null : changes;
  }

  /** Takes up a description of everything, as {@link apply} does. */
  replaceAll({ network, sites, links, services }: NetworkStatus): StatusDelta | null {
    const complete = <T>(known: ReadonlyMap<string, T>, now: readonly (readonly [string, T])[]) =>
      new Map<string, T | null>([...[...known.keys()].map((key) => [key, null] as const), ...now]);
    return this.apply({
      network,
      sites: complete(
        this.#sites,
        sites.map((each) => [each.id, each] as const),
      ),
      links: complete(
        this.#links,
        links.map((each) => [each.id, each] as const),
      ),
      services: complete(
        this.#services,
        services.map((each) => [each.name, each] as const),
      ),
    });
  }
}

/** Replaces entries of a map, and returns those that differ. */
function replace<T>(known: Map<string, T>, described: ReadonlyMap<string, T | null>): Changes<T> {
  const put: T[] = [];
  const gone: string[] = [];
  for (const [key, value] of described) {
    const before = known.get(key);
    if (value === null) {
      if (known.delete(key)) gone.push(key);
    } else if (before === undefined || !isSame(before, value)) {
      known.set(key, value);
      put.push(value);
    }
  }
  return { put, gone };
}

const part = <K extends string, T>(name: K, changes: Changes<T>) =>
  (changes.put.length + changes.gone.length === 0 ? {} : { [name]: changes }) as { [key in K]?: Changes<T> };

/** Descriptions are made by the same code, so equal ones have equal texts. */
const isSame = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);
