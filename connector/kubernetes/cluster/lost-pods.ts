/**
 * The connectors' pods that were ready and are not any longer. Such a pod does not keep the Lease until it ends: the
 * addresses in the slices are to follow at once.
 */
import type { PodObject, View } from "./cluster.ts";

/** Most pods that are remembered; the one that was seen first is forgotten. */
const MAX_SEEN = 256;

export class LostPods {
  readonly #pods: View<PodObject>;
  readonly #namespace: string;
  readonly #self: string;
  /** Names of pods that were ready. One that has not been ready yet may be about to be. */
  readonly #seen = new Set<string>();

  /** @param self name of this connector's pod */
  constructor(pods: View<PodObject>, namespace: string, self: string) {
    this.#pods = pods;
    this.#namespace = namespace;
    this.#self = self;
    pods.onChange(() => this.#note());
  }

  /** Whether a pod is lost. A connector that is not ready itself says so of none. */
  has(pod: string): boolean {
    return this.#seen.has(pod) && !this.#isReady(pod) && this.#isReady(this.#self);
  }

  #isReady(pod: string): boolean {
    return this.#pods.get(this.#namespace, pod)?.ready === true;
  }

  #note(): void {
    for (const { meta, ready } of this.#pods.list()) if (ready) this.#seen.add(meta.name);
    const [first] = this.#seen;
    if (this.#seen.size > MAX_SEEN && first !== undefined) this.#seen.delete(first);
  }
}
