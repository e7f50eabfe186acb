/** Tables: what `kubectl get` prints, made by the server. */
import type { Json, JsonObject } from "./json.ts";
import type { KubeObject } from "./object.ts";
import type { ResourceType } from "./resource-type.ts";
import { AGE, NAME } from "./resources/built-in.ts";

/** The metadata of an object, in the form that table rows and metadata watches carry. */
export const partialOf = ({ metadata }: KubeObject): JsonObject => ({
  kind: "PartialObjectMetadata",
  apiVersion: "meta.k8s.io/v1",
  metadata,
});

export function tableOf(
  type: ResourceType,
  stored: readonly KubeObject[],
  metadata: JsonObject,
  include: string | null,
  withColumns = true,
): JsonObject {
  const columns = type.columns ?? [NAME, AGE];
  const now = Date.now();
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: withColumns
      ? columns.map(({ name, type: columnType = "string", priority = 0 }) => ({
          name,
          type: columnType,
          format: name === "Name" ? "name" : "",
          description: "",
          priority,
        }))
      : [],
    rows: stored.map((object): Json => {
      const row: JsonObject = { cells: columns.map(({ value }) => value(object, now)) };
      if (include !== "None") row.object = include === "Object" ? object : partialOf(object);
      return row;
    }),
  };
}
