/**
 * The identity of an instance, which is one process of a site's connector (docs/protocol.md, "Ids and
 * names").
 *
 * A process chooses its boot id and sends it to every peer, so a hostile process may choose the boot id of
 * another. Only the proven site id and the boot id together identify an instance.
 */
import { compareText } from "./compare-text.ts";

/** The site id, which a certificate proved, and the boot id, which the process chose. */
export interface InstanceId {
  readonly site: string;
  readonly boot: string;
}

/** The key of an instance in maps and sets. Neither of its two ids is a key alone. */
export function instanceKey({ site, boot }: InstanceId): string {
  return `${site} ${boot}`;
}

/** Whether both are the same process of the same site. */
export function isSameInstance(left: InstanceId, right: InstanceId): boolean {
  return left.site === right.site && left.boot === right.boot;
}

/**
 * Compares instances by boot id, then by site id, both as text. The result is negative when `left` is lower,
 * and 0 when both are the same instance. The lower instance of a session is its TLS server (docs/protocol.md,
 * "TLS between connectors").
 */
export function compareInstances(left: InstanceId, right: InstanceId): number {
  return compareText(left.boot, right.boot) || compareText(left.site, right.site);
}
