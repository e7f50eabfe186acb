/** Decides what is published by a network's hostnames. Pure: built from the state of one moment. */
import type { ErrorCode } from "../../../protocol/errors.ts";
import { type DoorAccess, isGranted } from "../../../protocol/hostnames.ts";
import { compareInstances, type InstanceId } from "../../../protocol/instance-id.ts";
import type { Ingress } from "../../../protocol/uplink/messages.ts";

/** What an instance publishes by a hostname. */
export interface DeclaredIngress extends Ingress {
  readonly instance: InstanceId;
  /** When the instance began to publish it, ms since 1970. */
  readonly since: number;
}

/** A declared ingress with its refusal, if any. */
export interface DecidedIngress extends DeclaredIngress {
  readonly refused: Extract<ErrorCode, "ingress.not_granted" | "ingress.taken"> | null;
}

/** A published service: the instances that requests to a hostname may go to. */
export interface Published {
  readonly hostname: string;
  readonly service: string;
  readonly access: DoorAccess;
  /** Oldest first. */
  readonly instances: readonly InstanceId[];
}

const byAge = (left: DeclaredIngress, right: DeclaredIngress): number =>
  left.since - right.since || compareInstances(left.instance, right.instance);

/**
 * Decides on all declared ingress of instances whose offer of the service is accepted. The entry that has been
 * published longest gives a hostname its service and access; others with the same two join it.
 * @param hostnames patterns that the network has
 */
export function decideIngress(
  declared: readonly DeclaredIngress[],
  hostnames: readonly string[],
  isOffered: (instance: InstanceId, service: string) => boolean,
): DecidedIngress[] {
  const owners = new Map<string, DeclaredIngress>();
  return declared
    .filter(({ instance, service }) => isOffered(instance, service))
    .sort(byAge)
    .map((each): DecidedIngress => {
      if (!isGranted(each.hostname, hostnames)) return { ...each, refused: "ingress.not_granted" };
      const owner = owners.get(each.hostname) ?? each;
      owners.set(each.hostname, owner);
      const agrees = owner.service === each.service && owner.access === each.access;
      return { ...each, refused: agrees ? null : "ingress.taken" };
    });
}

/** The published services, sorted by hostname. */
export function publishedOf(decided: readonly DecidedIngress[]): Published[] {
  const accepted = Map.groupBy(
    decided.filter(({ refused }) => refused === null),
    ({ hostname }) => hostname,
  );
  return [...accepted]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([hostname, entries]) => {
      const [first] = entries;
      if (first === undefined) return [];
      const { service, access } = first;
      return [{ hostname, service, access, instances: entries.map(({ instance }) => instance) }];
    });
}
