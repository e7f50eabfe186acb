/**
 * Who may reach whom, and what the way costs (design: links are a graph). Pure: plain rows in, answers out. Whether
 * a link is up at the moment plays no part: an edge restart must not hide anything.
 */

/** The node of the graph that stands for the network as an issuer of tokens. */
export const NETWORK_NODE = "network";

/** An edge of the graph: a link that was neither revoked nor deleted. It can be gone over in both directions. */
export interface Edge {
  readonly joiner: string;
  readonly issuer: string;
  readonly cost: number;
}

/** Where a node is: in the core of the graph, or beside a node of it, which is its only neighbour. */
export interface Place {
  /** The number of the node in the core. */
  readonly core: number;
  /** What it costs to get there. */
  readonly cost: number;
}

/**
 * The connected groups of the link graph, and the cheapest ways in it. Nodes with one neighbour, which is what most
 * sites are, are looked at through that neighbour, so that a search serves all of them.
 */
export class Reachability {
  readonly #parent = new Map<string, string>();
  readonly #places = new Map<string, Place>();
  /** What it costs to go from each node of the core to its neighbours in it. */
  readonly #ways: { readonly to: number; readonly cost: number }[][] = [];
  /** Costs from a node of the core to all others of it. */
  readonly #searched: Float64Array[] = [];
  #searches = 0;

  static readonly #known = new WeakMap<readonly Edge[], Reachability>();

  /** Of an array that nobody changes: made once for it. */
  static of(edges: readonly Edge[]): Reachability {
    const known = Reachability.#known.get(edges);
    if (known) return known;
    const made = new Reachability(edges);
    Reachability.#known.set(edges, made);
    return made;
  }

  constructor(edges: Iterable<Edge>) {
    const ways = new Map<string, Map<string, number>>();
    const addWay = (from: string, to: string, cost: number) => {
      const known = ways.get(from) ?? new Map<string, number>();
      ways.set(from, known.set(to, Math.min(cost, known.get(to) ?? Number.POSITIVE_INFINITY)));
    };
    for (const { joiner, issuer, cost } of edges) {
      const from = this.groupOf(joiner);
      const to = this.groupOf(issuer);
      if (from !== to) this.#parent.set(from, to);
      if (joiner === issuer) continue;
      addWay(joiner, issuer, cost);
      addWay(issuer, joiner, cost);
    }
    this.#findPlaces(ways);
  }

  #findPlaces(ways: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
    const leaves = new Map<string, readonly [string, number]>();
    for (const [node, neighbours] of ways) {
      if (neighbours.size !== 1) continue;
      // Of two that have only each other, one stays.
      for (const way of neighbours) if (!leaves.has(way[0])) leaves.set(node, way);
    }
    const core = [...ways.keys()].filter((node) => !leaves.has(node));
    for (const [number, node] of core.entries()) this.#places.set(node, { core: number, cost: 0 });
    for (const node of core) {
      const inside = [...(ways.get(node) ?? [])].filter(([other]) => !leaves.has(other));
      this.#ways.push(inside.map(([other, cost]) => ({ to: this.#places.get(other)?.core ?? 0, cost })));
    }
    for (const [node, [beside, cost]] of leaves) {
      this.#places.set(node, { core: this.#places.get(beside)?.core ?? 0, cost });
    }
  }

  /** How often the graph was searched. */
  get searches(): number {
    return this.#searches;
  }

  /** A name for the group that a node is in. A site without links is in a group of its own. */
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

  /**
   * The lowest sum of link costs on a way between two nodes; 0 to itself, null without a way. Searches from `from`
   * where neither was searched from before: whoever asks for many ways names what they have in common first.
   */
  cost(from: string, to: string): number | null {
    if (from === to) return 0;
    const cost = this.between(this.placeOf(from), this.placeOf(to));
    return cost < Number.POSITIVE_INFINITY ? cost : null;
  }

  /** For those who ask for very many ways. Undefined for a node without links. */
  placeOf(node: string): Place | undefined {
    return this.#places.get(node);
  }

  /** The cost between the places of two different nodes; infinite without a way. */
  between(from: Place | undefined, to: Place | undefined): number {
    if (from === undefined || to === undefined) return Number.POSITIVE_INFINITY;
    const known = this.#searched[from.core]?.[to.core] ?? this.#searched[to.core]?.[from.core];
    const between = known ?? this.#search(from.core)[to.core] ?? Number.POSITIVE_INFINITY;
    return from.cost + between + to.cost;
  }

  /** Dijkstra's. */
  #search(start: number): Float64Array {
    const costs = new Float64Array(this.#ways.length).fill(Number.POSITIVE_INFINITY);
    const next = new NodeHeap();
    costs[start] = 0;
    next.push(start, 0);
    for (let item = next.pop(); item !== null; item = next.pop()) {
      if (item.cost > (costs[item.node] ?? 0)) continue;
      for (const { to, cost } of this.#ways[item.node] ?? []) {
        const through = item.cost + cost;
        if (through >= (costs[to] ?? 0)) continue;
        costs[to] = through;
        next.push(to, through);
      }
    }
    this.#searches += 1;
    this.#searched[start] = costs;
    return costs;
  }
}

/** Binary min-heap of the nodes that a search has still to visit, by cost. May hold a node more than once. */
class NodeHeap {
  readonly #items: { readonly node: number; readonly cost: number }[] = [];

  push(node: number, cost: number): void {
    const items = this.#items;
    const item = { node, cost };
    let at = items.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = items[above];
      if (other === undefined || other.cost <= cost) break;
      items[at] = other;
      at = above;
    }
    items[at] = item;
  }

  /** Removes the cheapest entry; null if empty. */
  pop(): { readonly node: number; readonly cost: number } | null {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined) return null;
    if (items.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const one = items[left];
      const two = items[right];
      const [below, child] =
        two !== undefined && one !== undefined && two.cost < one.cost ? [right, two] : [left, one];
      if (child === undefined || child.cost >= last.cost) break;
      items[at] = child;
      at = below;
    }
    items[at] = last;
    return first;
  }
}
