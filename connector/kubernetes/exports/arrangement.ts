/** Who has which name: every object's services put together. The oldest object that asks for a name has it. */
import type { ManagedExposure } from "../../targets/managed-exposures.ts";
import type { Claim } from "./claim.ts";

import { titleOf } from "./source.ts";
import type { Warning } from "./warning.ts";

export interface Arrangement {
  readonly services: readonly ManagedExposure[];
  /** The object of each service, by the service's name. */
  readonly owners: ReadonlyMap<string, Claim>;
  /** Warnings to objects about names that others have. */
  readonly refused: ReadonlyMap<Claim, Warning>;
}

export function arrange(claims: Iterable<Claim>): Arrangement {
  const services: ManagedExposure[] = [];
  const owners = new Map<string, Claim>();
  const refused = new Map<Claim, Warning>();
  const take = (claim: Claim, service: ManagedExposure): boolean => {
    const owner = owners.get(service.name);
    if (owner !== undefined) {
      refused.set(claim, addressInUse(service.name, owner));
      return false;
    }
    owners.set(service.name, claim);
    services.push(service);
    return true;
  };
  for (const claim of [...claims].sort(byAge)) {
    const { service, pods } = claim.outcome;
    // Pods without their service would be found by nobody.
    if (service === null || !take(claim, service)) continue;
    for (const pod of pods) take(claim, pod);
  }
  return { services, owners, refused };
}

const addressInUse = (name: string, { about }: Claim): Warning => ({
  reason: "AddressInUse",
  note: `The name ${name} is taken by the ${titleOf(about)}, which is older. Choose another one with the annotation fairlead.dev/address.`,
});

/** The creation time is exact to the second only, so that names decide among objects of one second. */
function byAge(left: Claim, right: Claim): number {
  return compare(left.createdAt, right.createdAt) || compare(keyOf(left), keyOf(right));
}

const keyOf = ({ about: { namespace, name, kind } }: Claim): string => `${namespace}/${name} ${kind.kind}`;

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
