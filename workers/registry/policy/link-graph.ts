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

/** Where a node is: in the inner of the graph, or beside a node of it, which is its only neighbour. */
export interface Position {
  /** The number of the node in the inner. */
  readonly inner: number;
  /** What it costs to get there. */
  readonly cost: number;
}

/**
 * The connected groups of the link graph, and the cheapest neighboursOf in it. Nodes with one neighbour, which is what most
 * sites are, are looked at through that neighbour, so that a search serves all of them.
 */
export class LinkGraph {
  readonly #parent = new Map<string, string>();
  readonly #positions = new Map<string, Position>();
  /** What it costs to go from each node of the inner to its neighbours in it. */
  readonly #edges: { readonly to: number; readonly cost: number }[][] = [];
  /** Costs from a node of the inner to all others of it. */
  readonly #costsFrom: Float64Array[] = [];
  #searches = 0;

  static readonly #known = new WeakMap<readonly Edge[], LinkGraph>();

  /** Of an array that nobody changes: made once for it. */
  static of(edges: readonly Edge[]): LinkGraph {
    const known = LinkGraph.#known.get(edges);
    if (known) return known;
    const made = new LinkGraph(edges);
    LinkGraph.#known.set(edges, made);
    return made;
  }

  constructor(edges: Iterable<Edge>) {
    const neighboursOf = new Map<string, Map<string, number>>();
    const addEdge = (from: string, to: string, cost: number) => {
      const known = neighboursOf.get(from) ?? new Map<string, number>();
      neighboursOf.set(from, known.set(to, Math.min(cost, known.get(to) ?? Number.POSITIVE_INFINITY)));
    };
    for (const { joiner, issuer, cost } of edges) {
      const from = this.componentOf(joiner);
      const to = this.componentOf(issuer);
      if (from !== to) this.#parent.set(from, to);
      if (joiner === issuer) continue;
      addEdge(joiner, issuer, cost);
      addEdge(issuer, joiner, cost);
    }
    this.#contractLeaves(neighboursOf);
  }

  #contractLeaves(neighboursOf: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
    const leaves = new Map<string, readonly [string, number]>();
    for (const [node, neighbours] of neighboursOf) {
      if (neighbours.size !== 1) continue;
      // Of two that have only each other, one stays.
      for (const way of neighbours) if (!leaves.has(way[0])) leaves.set(node, way);
    }
    const inner = [...neighboursOf.keys()].filter((node) => !leaves.has(node));
    for (const [number, node] of inner.entries()) this.#positions.set(node, { inner: number, cost: 0 });
    for (const node of inner) {
      const inside = [...(neighboursOf.get(node) ?? [])].filter(([other]) => !leaves.has(other));
      this.#edges.push(inside.map(([other, cost]) => ({ to: this.#positions.get(other)?.inner ?? 0, cost })));
    }
    for (const [node, [beside, cost]] of leaves) {
      this.#positions.set(node, { inner: this.#positions.get(beside)?.inner ?? 0, cost });
    }
  }

  /** How often the graph was searched. */
  get searches(): number {
    return this.#searches;
  }

  /** A name for the group that a node is in. A site without links is in a group of its own. */
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
   * The lowest sum of link costs on a way costBetween two nodes; 0 to itself, null without a way. Searches from `from`
   * where neither was searched from before: whoever asks for many neighboursOf names what they have in common first.
   */
  cost(from: string, to: string): number | null {
    if (from === to) return 0;
    const cost = this.costBetween(this.positionOf(from), this.positionOf(to));
    return cost < Number.POSITIVE_INFINITY ? cost : null;
  }

  /** For those who ask for very many neighboursOf. Undefined for a node without links. */
  positionOf(node: string): Position | undefined {
    return this.#positions.get(node);
  }

  /** The cost costBetween the places of two different nodes; infinite without a way. */
  costBetween(from: Position | undefined, to: Position | undefined): number {
    if (from === undefined || to === undefined) return Number.POSITIVE_INFINITY;
    const known = this.#costsFrom[from.inner]?.[to.inner] ?? this.#costsFrom[to.inner]?.[from.inner];
    const costBetween = known ?? this.#search(from.inner)[to.inner] ?? Number.POSITIVE_INFINITY;
    return from.cost + costBetween + to.cost;
  }

  /** Dijkstra's. */
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

/** Binary min-heap of the nodes that a search offersAfter still to visit, by cost. May hold a node more than once. */
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
