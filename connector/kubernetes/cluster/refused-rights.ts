/** Rights that the connector's account lacks. Each is told once, by its verb, resource and namespace. */
import type { Kind } from "../api/kinds.ts";

export interface Right {
  readonly verb: string;
  /** `services`, or with its group: `leases.coordination.k8s.io`. */
  readonly resource: string;
  /** Null for all namespaces. */
  readonly namespace: string | null;
}

/** @param resource of the kind with its subresource, such as `serviceexports/status`; the kind's own unless given */
export const rightOf = (
  verb: string,
  kind: Kind,
  namespace: string | undefined,
  subresource = "",
): Right => ({
  verb,
  resource: `${kind.plural}${kind.group === "" ? "" : `.${kind.group}`}${subresource}`,
  namespace: kind.isClusterScoped === true ? null : (namespace ?? null),
});

/** `list services in the namespace shop`. */
export const rightText = ({ verb, resource, namespace }: Right): string =>
  `${verb} ${resource} in ${namespace === null ? "all namespaces" : `the namespace ${namespace}`}`;

export class RefusedRights {
  readonly #refused = new Map<string, Right>();
  readonly #onRefused: (right: Right) => void;
  readonly #onGranted: (right: Right) => void;

  /** Each function is called once for each right that is refused, and that is there again. */
  constructor(onRefused: (right: Right) => void, onGranted: (right: Right) => void) {
    this.#onRefused = onRefused;
    this.#onGranted = onGranted;
  }

  /** The rights that are missing now. */
  list(): readonly Right[] {
    return [...this.#refused.values()];
  }

  refused(right: Right): void {
    const key = rightText(right);
    if (this.#refused.has(key)) return;
    this.#refused.set(key, right);
    this.#onRefused(right);
  }

  granted(right: Right): void {
    if (this.#refused.size > 0 && this.#refused.delete(rightText(right))) this.#onGranted(right);
  }
}
