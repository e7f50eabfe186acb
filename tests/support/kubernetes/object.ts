/** Objects of the API: what all of them have. */
import type { Json, JsonObject } from "./json.ts";

export interface OwnerReference extends JsonObject {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

export interface Metadata extends JsonObject {
  name: string;
  namespace?: string;
  generateName?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: { [key: string]: string };
  annotations?: { [key: string]: string };
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: Json[];
}

export interface KubeObject extends JsonObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
}

/** Group, version and kind. The core group is "". */
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export const apiVersionOf = ({ group, version }: { readonly group: string; readonly version: string }) =>
  group === "" ? version : `${group}/${version}`;

/** Splits "apps/v1" and "v1". */
export function groupVersionOf(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1) };
}

/** The form of metav1.Time: whole seconds. */
export const timeOf = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

/** The form of metav1.MicroTime: exactly six digits. */
export const microTimeOf = (ms: number) => new Date(ms).toISOString().replace(/Z$/, "000Z");
