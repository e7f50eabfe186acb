/** What the annotated objects of one kind ask for, by `namespace/name`, and which of them to look at again. */
import { isDeepStrictEqual } from "node:util";
import type { Claim } from "./claim.ts";

/** The claim of an object; null where it has none, "unknown" to leave things as they are. */
export type Evaluate = (namespace: string, name: string) => Claim | null | "unknown";

export class ClaimTable {
  readonly #claims: Map<string, Claim>;
  readonly #marked = new Set<string>();
  readonly #changed: () => void;

  /**
   * @param remembered claims of before a restart, which count until their objects are looked at
   * @param changed called when there is something to look at
   */
  constructor(remembered: readonly Claim[], changed: () => void) {
    this.#claims = new Map(
      remembered.map((claim) => [`${claim.about.namespace}/${claim.about.name}`, claim]),
    );
    this.#changed = changed;
  }

  values(): Iterable<Claim> {
    return this.#claims.values();
  }

  /** Marks objects to be looked at. */
  mark(keys: Iterable<string>): void {
    for (const key of keys) this.#marked.add(key);
    this.#changed();
  }

  /** Marks all objects of a view, and those that had a claim. */
  markAll(objects: Iterable<{ readonly meta: { readonly namespace: string; readonly name: string } }>): void {
    for (const { meta } of objects) this.#marked.add(`${meta.namespace}/${meta.name}`);
    this.mark(this.#claims.keys());
  }

  /** Looks at the marked objects. An equal claim leaves the former one in place, so that nothing seems to change. */
  review(evaluate: Evaluate): void {
    for (const key of this.#marked) {
      const claim = evaluate(...splitKey(key));
      if (claim === null) this.#claims.delete(key);
      else if (claim !== "unknown" && !isDeepStrictEqual(this.#claims.get(key), claim)) {
        this.#claims.set(key, claim);
      }
    }
    this.#marked.clear();
  }
}

/** The parts of a view's key. */
export function splitKey(key: string): [namespace: string, name: string] {
  const slash = key.indexOf("/");
  return [key.slice(0, slash), key.slice(slash + 1)];
}
