/** All resources that the server serves: the built-in ones, and those that CustomResourceDefinitions add. */
import { groupVersionOf } from "./object.ts";
import type { ResourceType, ServedVersion } from "./resource-type.ts";
import { APPS_TYPES } from "./resources/apps.ts";
import { LEASE } from "./resources/coordination.ts";
import { type CoreOptions, coreTypes } from "./resources/core.ts";
import { CUSTOM_RESOURCE_DEFINITION, customType } from "./resources/custom.ts";
import { ENDPOINT_SLICE } from "./resources/discovery.ts";
import { EVENT_TYPES } from "./resources/events.ts";
import { POLICY_TYPES } from "./resources/policies.ts";
import { RBAC_TYPES } from "./resources/rbac.ts";
import type { Storage } from "./storage.ts";

export interface Found {
  readonly type: ResourceType;
  readonly version: ServedVersion;
}

export class Registry {
  readonly #builtIn: readonly ResourceType[];
  /** By the name of the CustomResourceDefinition. */
  readonly #custom = new Map<string, ResourceType>();

  constructor(storage: Storage, options: CoreOptions) {
    this.#builtIn = [
      ...coreTypes(storage, options),
      ...EVENT_TYPES,
      ...APPS_TYPES,
      ENDPOINT_SLICE,
      LEASE,
      ...RBAC_TYPES,
      ...POLICY_TYPES,
      CUSTOM_RESOURCE_DEFINITION,
    ];
    const definitions = storage.collection(CUSTOM_RESOURCE_DEFINITION.storedAs);
    definitions.subscribe(({ key, after }) => {
      if (after === undefined) this.#custom.delete(key);
      else this.#custom.set(key, customType(after));
    });
  }

  types(): ResourceType[] {
    return [...this.#builtIn, ...this.#custom.values()];
  }

  find(group: string, version: string, resource: string): Found | undefined {
    const type = this.types().find((each) => each.group === group && each.resource === resource);
    const served = type?.versions.find((each) => each.version === version);
    return type === undefined || served === undefined ? undefined : { type, version: served };
  }

  /** The type that an ownerReference names. */
  byKind(apiVersion: string, kind: string): ResourceType | undefined {
    const { group, version } = groupVersionOf(apiVersion);
    return this.types().find(
      (each) =>
        each.group === group &&
        each.kind === kind &&
        each.versions.some((served) => served.version === version),
    );
  }

  serves(group: string, version: string): boolean {
    return this.types().some(
      (each) => each.group === group && each.versions.some((served) => served.version === version),
    );
  }
}
