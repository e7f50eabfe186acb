/** What the server knows of a resource: the registry's entries, as data and small functions. */
import type { Json, JsonObject } from "./json.ts";
import type { KubeObject } from "./object.ts";
import type { Schema } from "./schema.ts";
import type { FieldFault } from "./status.ts";

/** A column of the table that `kubectl get` prints. */
export interface Column {
  readonly name: string;
  readonly type?: string;
  /** Columns with a priority above 0 are shown with `-o wide`. */
  readonly priority?: number;
  readonly value: (object: KubeObject, now: number) => Json;
}

/** A version in which a resource is served. */
export interface ServedVersion {
  readonly version: string;
  readonly schema: Schema;
  /** From the stored form to this version and back. A version without these has the stored form. */
  readonly fromStored?: (object: KubeObject) => KubeObject;
  readonly toStored?: (object: JsonObject) => JsonObject;
}

export interface ResourceType {
  readonly group: string;
  /** By preference. */
  readonly versions: readonly ServedVersion[];
  /** Plural. */
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced: boolean;
  /** `services`, or `events` for both groups of Events. */
  readonly storedAs: string;
  readonly custom: boolean;
  /** Status is written through its subresource alone. */
  readonly hasStatus: boolean;
  readonly hasScale?: boolean;
  /** Fields, beyond name and namespace, to select by. */
  readonly selectable?: readonly string[];
  /** DELETE answers with the object instead of a Status. */
  readonly returnsDeleted?: boolean;
  /** A deletion waits for a period that the object names, as a kubelet would. */
  readonly graceful?: boolean;
  /** Rule of metadata.name. */
  readonly nameFault: (name: string) => string | undefined;
  /** Fills in what the server decides, at creation and at updates. */
  readonly complete?: (object: KubeObject, before: KubeObject | undefined) => void;
  /** Faults of an object. `before` is undefined at a creation. */
  readonly faults?: (object: KubeObject, before: KubeObject | undefined) => FieldFault[];
  readonly columns?: readonly Column[];
}
