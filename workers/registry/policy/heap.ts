/** Nodes waiting to be looked at in a search, the cheapest first. A node may wait more than once. */
export class Heap {
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

  /** The cheapest, taken out; null when none is left. */
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
