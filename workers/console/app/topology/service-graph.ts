/** Services, the components that call and serve them, and the traffic between them, as the topology page draws them. */
import type { NetworkStatus } from "../../../../protocol/api/status.ts";
import type { Traffic, TrafficGroup } from "../../../../protocol/api/traffic.ts";
import { compareText } from "../../../../protocol/compare-text.ts";
import { type Rates, ratesOf } from "../traffic/rates.ts";

/** What a component is: a site, or a process or a target within one; or the public door; or several sites. */
export type ComponentKind = "site" | "process" | "target" | "door" | "group";

export type ServiceGraphNode = {
  /** The kind, a colon and what identifies it. */
  readonly id: string;
  readonly label: string;
  readonly column: Column;
} & (
  | { readonly kind: "service"; readonly health: "up" | "degraded" | "down" }
  | {
      readonly kind: ComponentKind;
      /** Name of the site of a process or a target; null for others. */
      readonly site: string | null;
      readonly state: "up" | "down";
    }
);

/** Callers and what serves are nodes of their own, also where they are the same site: so all lines lead one way. */
export type Column = "caller" | "service" | "server";

/** From a client to a service, or from a service to what serves it. */
export interface ServiceEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly rates: Rates;
  /** Whether anything passed in the window. */
  readonly active: boolean;
}

export interface ServiceGraph {
  readonly nodes: readonly ServiceGraphNode[];
  readonly edges: readonly ServiceEdge[];
}

export interface ServiceGraphOptions {
  /** What the components are. */
  readonly by: "site" | "process";
  /** The group of a site, where sites are drawn in groups. */
  readonly groupOf?: (site: string) => string | null;
}

/** The graph of a network's services. Without traffic, it has the services and the sites that offer them. */
export function serviceGraph(
  status: Pick<NetworkStatus, "services" | "sites">,
  traffic: Pick<Traffic, "at" | "from" | "stepSeconds" | "groups"> | null,
  { by, groupOf = () => null }: ServiceGraphOptions,
): ServiceGraph {
  const nodes = new Map<string, ServiceGraphNode>();
  const edges = new Map<string, { from: string; to: string; groups: TrafficGroup[] }>();
  const sites = new Map(status.sites.map((site) => [site.name, site]));
  const siteNode = (column: "caller" | "server", name: string): string => {
    const group = groupOf(name);
    const id = `${column}:${group === null ? `site:${name}` : `group:${group}`}`;
    if (!nodes.has(id))
      nodes.set(id, {
        id,
        kind: group === null ? "site" : "group",
        label: group ?? name,
        column,
        site: null,
        state: group !== null || sites.get(name)?.state === "up" ? "up" : "down",
      });
    return id;
  };
  const partNode = (kind: "process" | "target", site: string, part: string): string => {
    const id = `${kind}:${JSON.stringify([site, part])}`;
    const column = kind === "process" ? "caller" : "server";
    const state = sites.get(site)?.state === "up" ? "up" : "down";
    if (!nodes.has(id)) nodes.set(id, { id, kind, label: part, column, site, state });
    return id;
  };
  const join = (from: string, to: string, group?: TrafficGroup) => {
    const id = `${from} > ${to}`;
    const edge = edges.get(id) ?? { from, to, groups: [] };
    edges.set(id, edge);
    if (group !== undefined) edge.groups.push(group);
  };

  for (const service of status.services) {
    const id = serviceNode(service.name);
    const up = service.sites.filter(({ state }) => state === "up").length;
    const health = up === service.sites.length && up > 0 ? "up" : up > 0 ? "degraded" : "down";
    nodes.set(id, { id, kind: "service", label: service.name, column: "service", health });
    for (const { name } of service.sites) join(id, siteNode("server", name));
  }
  const served = new Set<string>();
  for (const group of traffic?.groups ?? []) {
    const service = serviceNode(group.service);
    // A service that is gone still has traffic in the window.
    if (!nodes.has(service))
      nodes.set(service, {
        id: service,
        kind: "service",
        label: group.service,
        column: "service",
        health: "down",
      });
    join(clientOf(group), service, group);
    if (group.to === null) continue;
    if (by === "process" && group.target !== null) {
      join(service, partNode("target", group.to.name, group.target), group);
      served.add(`${service} > ${siteNode("server", group.to.name)}`);
    } else join(service, siteNode("server", group.to.name), group);
  }
  // A site whose targets are drawn is not drawn beside them.
  for (const id of served) if (edges.get(id)?.groups.length === 0) edges.delete(id);
  const used = new Set([...edges.values()].flatMap(({ from, to }) => [from, to]));

  function clientOf({ from, process }: TrafficGroup): string {
    if (from === null) {
      if (!nodes.has("door:")) nodes.set("door:", DOOR);
      return "door:";
    }
    return by === "process" && process !== null
      ? partNode("process", from.name, process)
      : siteNode("caller", from.name);
  }

  return {
    nodes: [...nodes.values()]
      .filter(({ id, kind }) => kind === "service" || used.has(id))
      .sort((a, b) => compareText(a.id, b.id)),
    edges: [...edges]
      .map(([id, { from, to, groups }]): ServiceEdge => {
        const rates = traffic === null ? ratesOf(NO_TIME, []) : ratesOf(traffic, groups);
        return {
          id,
          from,
          to,
          rates,
          active: groups.some(({ points }) => points.some((each) => each !== null)),
        };
      })
      .sort((a, b) => compareText(a.id, b.id)),
  };
}

const DOOR: ServiceGraphNode = {
  id: "door:",
  kind: "door",
  label: "Public door",
  column: "caller",
  site: null,
  state: "up",
};

const NO_TIME = { at: "1970-01-01T00:00:00Z", from: "1970-01-01T00:00:00Z", stepSeconds: 1 };

/** The id of a service's node. */
export const serviceNode = (name: string): string => `service:${name}`;
