/**
 * The link graph: which sites reach each other, and at which cost. Pure. Whether a link is up at the moment
 * is ignored: a restart of the edge must not hide anything.
 */

/** The node that represents the network as an issuer of tokens. */
export const NETWORK_NODE = "network";

/** An undirected edge: a link that was neither revoked nor deleted. */
export interface Edge {
  readonly joiner: string;
  readonly issuer: string;
  readonly cost: number;
}

/** The position of a node in the contracted graph: an inner node, or a leaf at its only neighbour. */
export interface Position {
  /** Index of the inner node. */
  readonly inner: number;
  /** Cost from the node to its inner node; 0 if it is the inner node itself. */
  readonly cost: number;
}

/**
 * Connected components and shortest paths of the link graph. Most sites are leaves: nodes with one neighbour.
 * Leaves are contracted into their neighbour, so one search serves all of them.
 */
export class LinkGraph {
  readonly #parent = new Map<string, string>();
  readonly #positions = new Map<string, Position>();
  /** Edges between inner nodes, by the index of the inner node. */
  readonly #edges: { readonly to: number; readonly cost: number }[][] = [];
  /** Shortest distances from an inner node to all others, by the index of the first. */
  readonly #costsFrom: Float64Array[] = [];
  #searches = 0;

  static readonly #known = new WeakMap<readonly Edge[], LinkGraph>();

  /** The graph of an immutable array of edges, created once per array. */
  static of(edges: readonly Edge[]): LinkGraph {
    const known = LinkGraph.#known.get(edges);
    if (known) return known;
    const made = new LinkGraph(edges);
    LinkGraph.#known.set(edges, made);
    return made;
  }

  constructor(edges: Iterable<Edge>) {
    const adjacency = new Map<string, Map<string, number>>();
    const addEdge = (from: string, to: string, cost: number) => {
      const known = adjacency.get(from) ?? new Map<string, number>();
      adjacency.set(from, known.set(to, Math.min(cost, known.get(to) ?? Number.POSITIVE_INFINITY)));
    };
    for (const { joiner, issuer, cost } of edges) {
      const from = this.componentOf(joiner);
      const to = this.componentOf(issuer);
      if (from !== to) this.#parent.set(from, to);
      if (joiner === issuer) continue;
      addEdge(joiner, issuer, cost);
      addEdge(issuer, joiner, cost);
    }
    this.#contractLeaves(adjacency);
  }

  #contractLeaves(adjacency: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
    const leaves = new Map<string, readonly [string, number]>();
    for (const [node, neighbours] of adjacency) {
      if (neighbours.size !== 1) continue;
      // Of two nodes that are each other's only neighbour, one becomes the inner node.
      for (const edge of neighbours) if (!leaves.has(edge[0])) leaves.set(node, edge);
    }
    const inner = [...adjacency.keys()].filter((node) => !leaves.has(node));
    for (const [number, node] of inner.entries()) this.#positions.set(node, { inner: number, cost: 0 });
    for (const node of inner) {
      const innerEdges = [...(adjacency.get(node) ?? [])].filter(([other]) => !leaves.has(other));
      this.#edges.push(
        innerEdges.map(([other, cost]) => ({ to: this.#positions.get(other)?.inner ?? 0, cost })),
      );
    }
    for (const [node, [neighbour, cost]] of leaves) {
      this.#positions.set(node, { inner: this.#positions.get(neighbour)?.inner ?? 0, cost });
    }
  }

  /** Number of searches so far. */
  get searches(): number {
    return this.#searches;
  }

  /** Identifies the connected component of a node. A site without links is a component of its own. */
  componentOf(node: string): string {
    let at = node;
    for (let up = this.#parent.get(at); up !== undefined; up = this.#parent.get(at)) {
      const above = this.#parent.get(up);
      if (above !== undefined) this.#parent.set(at, above);
      at = up;
    }
    return at;
  }

  canReach(left: string, right: string): boolean {
    return left === right || this.componentOf(left) === this.componentOf(right);
  }

  /**
   * The lowest sum of link costs on a path between two nodes; 0 to itself, null without a path. Searches from
   * `from` unless a search from either node exists: pass a common node as `from` in repeated calls.
   */
  cost(from: string, to: string): number | null {
    if (from === to) return 0;
    const cost = this.costBetween(this.positionOf(from), this.positionOf(to));
    return cost < Number.POSITIVE_INFINITY ? cost : null;
  }

  /** The position of a node, for callers that compute many costs. Undefined for a node without links. */
  positionOf(node: string): Position | undefined {
    return this.#positions.get(node);
  }

  /** The cost between the positions of two different nodes; infinite without a path. */
  costBetween(from: Position | undefined, to: Position | undefined): number {
    if (from === undefined || to === undefined) return Number.POSITIVE_INFINITY;
    const known = this.#costsFrom[from.inner]?.[to.inner] ?? this.#costsFrom[to.inner]?.[from.inner];
    const distance = known ?? this.#search(from.inner)[to.inner] ?? Number.POSITIVE_INFINITY;
    return from.cost + distance + to.cost;
  }

  /** Dijkstra's algorithm. */
  #search(start: number): Float64Array {
    const costs = new Float64Array(this.#edges.length).fill(Number.POSITIVE_INFINITY);
    const next = new NodeHeap();
    costs[start] = 0;
    next.push(start, 0);
    for (let item = next.pop(); item !== null; item = next.pop()) {
      if (item.cost > (costs[item.node] ?? 0)) continue;
      for (const { to, cost } of this.#edges[item.node] ?? []) {
        const through = item.cost + cost;
        if (through >= (costs[to] ?? 0)) continue;
        costs[to] = through;
        next.push(to, through);
      }
    }
    this.#searches += 1;
    this.#costsFrom[start] = costs;
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
