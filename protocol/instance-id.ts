/**
 * Instances: each is one process of a site's connector. A process chooses its boot id, and every peer learns it, so a
 * hostile one may choose another's. The site is proven by a certificate. Only both together name an instance.
 */
import { compareText } from "./compare-text.ts";

/** The site id that a certificate proved, and the boot id that the process chose. */
export interface InstanceId {
  readonly site: string;
  readonly boot: string;
}

/** The key of an instance in any map or set: neither of its two ids is a key by itself. */
export function instanceKey({ site, boot }: InstanceId): string {
  return `${site} ${boot}`;
}

/** Whether both name the same instance: the same process of the same site. */
export function isSameInstance(left: InstanceId, right: InstanceId): boolean {
  return left.site === right.site && left.boot === right.boot;
}

/**
 * Orders instances by boot id, then by site id, both compared as text: negative when `left` is the lower, 0 when
 * both are the same instance. The lower one of a session is its TLS server (docs/protocol.md, "TLS between connectors").
 */
export function compareInstances(left: InstanceId, right: InstanceId): number {
  return compareText(left.boot, right.boot) || compareText(left.site, right.site);
}
