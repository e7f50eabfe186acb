/**
 * Who may reach whom, and who sees which service (design: links are a graph). Pure: plain rows in, answers
 * out. Whether a link is up at the moment plays no part: an edge restart must not hide anything.
 */
import type { Encryption, Instance, VisibleService } from "../../protocol/messages.ts";
import type { ServiceProtocol } from "../../protocol/names.ts";

/** The node of the graph that stands for the network as an issuer of tokens. */
export const NETWORK_NODE = "network";

/** An edge of the graph: a link that was neither revoked nor deleted. */
export interface Edge {
  readonly joiner: string;
  readonly issuer: string;
}

/** One instance's offer of a service. */
export interface OfferRow {
  readonly service: string;
  readonly protocol: ServiceProtocol;
  readonly port: number;
  readonly instance: Instance;
  readonly encryption: Encryption;
  /** When it began, ms. */
  readonly since: number;
}

/**
 * The connected groups of the link graph. Two sites can reach each other when `groupOf` gives the same
 * answer for both; a site without links is in a group of its own.
 */
export class Reachability {
  readonly #parent = new Map<string, string>();

  constructor(edges: Iterable<Edge>) {
    for (const { joiner, issuer } of edges) {
      const from = this.groupOf(joiner);
      const to = this.groupOf(issuer);
      if (from !== to) this.#parent.set(from, to);
    }
  }

  /** A name for the group that a node is in. */
  groupOf(node: string): string {
    let at = node;
    for (let up = this.#parent.get(at); up !== undefined; up = this.#parent.get(at)) {
      const above = this.#parent.get(up);
      if (above !== undefined) this.#parent.set(at, above);
      at = up;
    }
    return at;
  }

  canReach(left: string, right: string): boolean {
    return left === right || this.groupOf(left) === this.groupOf(right);
  }
}

/**
 * A service as one group of sites sees it, leaving out the offers of `except` (a site never gets its own
 * services back). Null when nothing remains. Where offers disagree, protocol and port are the oldest's.
 */
export function viewOf(offers: readonly OfferRow[], except: string): VisibleService | null {
  const others = offers
    .filter((offer) => offer.instance.site !== except)
    .sort((left, right) => left.since - right.since || (left.instance.boot < right.instance.boot ? -1 : 1));
  const oldest = others[0];
  if (!oldest) return null;
  return {
    name: oldest.service,
    protocol: oldest.protocol,
    port: oldest.port,
    offers: others.map(({ instance, encryption }) =>
      encryption === "hop" ? { ...instance, encryption } : instance,
    ),
  };
}

/** Everything that `site` sees, by name. */
export function visibleServices(
  site: string,
  offers: readonly OfferRow[],
  reachability: Reachability,
): VisibleService[] {
  const byName = new Map<string, OfferRow[]>();
  for (const offer of offers) {
    if (!reachability.canReach(site, offer.instance.site)) continue;
    const known = byName.get(offer.service);
    if (known) known.push(offer);
    else byName.set(offer.service, [offer]);
  }
  return [...byName.values()]
    .map((same) => viewOf(same, site))
    .filter((view) => view !== null)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}
