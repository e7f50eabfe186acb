/** Makes registry entries of built-in types: what most of them share. */
import { schemaNamed } from "../built-in-schemas.ts";
import { dnsSubdomain } from "../names.ts";
import type { KubeObject } from "../object.ts";
import type { Column, ResourceType, ServedVersion } from "../resource-type.ts";

type Chosen = Partial<ResourceType> & Pick<ResourceType, "group" | "kind" | "resource">;

/** @param schemas the prefix of the type's name in OpenAPI: `io.k8s.api.core.v1` */
export function builtIn(schemas: string, chosen: Chosen): ResourceType {
  const versions: readonly ServedVersion[] = [
    { version: "v1", schema: schemaNamed(`${schemas}.${chosen.kind}`) },
  ];
  const { group, resource } = chosen;
  return {
    versions,
    singular: chosen.kind.toLowerCase(),
    namespaced: true,
    storedAs: group === "" ? resource : `${resource}.${group}`,
    custom: false,
    hasStatus: false,
    nameFault: dnsSubdomain,
    ...chosen,
  };
}

export const NAME: Column = { name: "Name", value: ({ metadata }) => metadata.name };

export const AGE: Column = {
  name: "Age",
  value: ({ metadata }, now) => ageOf(now - Date.parse(metadata.creationTimestamp)),
};

const UNITS = [
  [86_400, "d"],
  [3600, "h"],
  [60, "m"],
] as const;

function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [size, unit] = UNITS.find(([each]) => seconds >= each * 2) ?? [1, "s"];
  return `${Math.floor(seconds / size)}${unit}`;
}

export const column = (
  name: string,
  value: (object: KubeObject) => string | number,
  priority = 0,
): Column => ({
  name,
  value,
  priority,
});
